"""A parser's commits: named after what caused them, so that the same delivery parsed twice says the same once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from libs.contracts.envelope import Commit, commit
from libs.contracts.ids import Cause, commit_id

SOURCE = "parser"


@dataclass(frozen=True, slots=True)
class Origin:
    """What set it off, who did, when it is being decided, and when it was received."""

    cause: Cause
    actor: str
    now: datetime
    received: datetime


def seal(subject: str, origin: Origin, events: Sequence[msgspec.Struct], part: str = "") -> Commit:
    """`part` tells the decisions on one subject apart that follow from one cause."""
    return commit(
        id=commit_id(subject, origin.cause, part),
        source=SOURCE,
        subject=subject,
        cause=origin.cause,
        now=origin.now,
        events=list(events),
        actor=origin.actor,
    )
