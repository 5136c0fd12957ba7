"""What a report is about, and where it is written down."""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.ids import Cause
from libs.contracts.subjects import RunAddress


@dataclass(frozen=True, slots=True)
class About:
    """A run, or a workflow file that made none: then `address` has the id of the run that it would have made.
    `repository` is `owner/name`; of two about the same thing, the one with the greater `order` is newer.
    """

    address: RunAddress
    repository: str
    cause: Cause
    order: int
