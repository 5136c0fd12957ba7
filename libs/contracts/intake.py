"""What became of a delivery or of a trigger command: `ev.intake.<guid or command id>`, written by the parser alone.

Terminal are `DeliveryIgnored`, `RunsPlanned` and `IntakeFailed`: every accepted delivery ends in exactly one of them.
"""

from __future__ import annotations

import msgspec

from libs.contracts.blobs import BlobRef
from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.plan import Trust


class DeliveryIgnored(msgspec.Struct, frozen=True, tag="DeliveryIgnored"):
    """Nothing runs, and that is right: `why` says it in a sentence (a ping, an event that no workflow names)."""

    event: str
    why: str
    repository: str = ""


class Problem(msgspec.Struct, frozen=True):
    """An error at a place, 1-based; `file` is relative to the repository's root."""

    file: str
    line: int
    column: int
    message: str


class WorkflowRejected(msgspec.Struct, frozen=True, tag="WorkflowRejected"):
    """A workflow file with errors, all of them; the other files still run."""

    repository: str
    sha: str
    path: str
    problems: tuple[Problem, ...]
    content: BlobRef | None = None
    """The file as it was read, for whoever proposes how to mend it."""
    repository_id: RepositoryId = RepositoryId(0)
    trust: Trust = "fork"


class WorkflowUnmatched(msgspec.Struct, frozen=True):
    """A file whose `on:` does not want this event, and why."""

    path: str
    why: str


class RunsPlanned(msgspec.Struct, frozen=True, tag="RunsPlanned"):
    """The runs that follow, by workflow path; empty where no file matched."""

    repository: str
    sha: str
    event: str
    runs: dict[str, RunId]
    unmatched: tuple[WorkflowUnmatched, ...] = ()
    rejected: tuple[str, ...] = ()


class IntakeFailed(msgspec.Struct, frozen=True, tag="IntakeFailed"):
    """It could not be planned: `why` says what happened, where, and what to do."""

    event: str
    why: str
    repository: str = ""


IntakeEvent = DeliveryIgnored | WorkflowRejected | RunsPlanned | IntakeFailed
