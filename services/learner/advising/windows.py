"""What is remembered of one job of a workflow: its latest outcomes, and what it took. Bounded.

Architecture invariant: whatever is asked of a window is answered by its last `WINDOW` entries, so that one that is
read back from the learner's file (`rebuilding`) answers as the one that saw everything.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple

import msgspec

from libs.contracts.advice import Advice
from libs.contracts.results import Result
from services.learner.learning.timeouts import WINDOW


class JobName(NamedTuple):
    """A job of a workflow file; a matrix's combinations are jobs of their own."""

    repository_id: int
    path: str
    job: str


class FailedStep(NamedTuple):
    place: int
    name: str


class Command(NamedTuple):
    """A step's kind of command, and how long it took."""

    command: str
    step: str
    duration_ms: float


class Ended(msgspec.Struct, frozen=True, gc=False):
    """One attempt that came to an end by what is in the repository: not skipped, and no error of ours.

    `limit_ms` is the learned limit that it ran under, 0 for none. `failed` are its failed steps up to the first that
    made the job fail: what fails afterwards, fails because of that. `after_failure`: an attempt before it, in the same
    run, had failed.
    """

    seq: int
    at: float
    sha: str
    inputs: str
    outcome: Result
    duration_ms: float
    declared_ms: float
    limit_ms: float = 0.0
    after_failure: bool = False
    retries: int = 0
    failed: tuple[FailedStep, ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def killed(self) -> bool:
        """Ended by the learned limit, not by the declared one."""
        return self.outcome == "timeout" and self.limit_ms > 0


class Pieces(NamedTuple):
    """`given` is all else that they were made of, `size_bytes` what they take in a message."""

    given: object
    advice: tuple[Advice, ...]
    size_bytes: int


@dataclass(slots=True)
class JobWindow:
    """`ended` are of all outcomes, `successes_ms` go further back where others are among those."""

    name: str
    declared_ms: float = 0.0
    lockfiles: tuple[str, ...] = ()
    last_at: float = 0.0
    successes_ms: deque[float] = field(default_factory=lambda: deque[float](maxlen=WINDOW))
    ended: deque[Ended] = field(default_factory=lambda: deque[Ended](maxlen=WINDOW))
    pieces: Pieces | None = None
    """What follows from all of this, as long as nothing else is added: it takes some milliseconds to say."""

    def add(self, ended: Ended) -> None:
        self.pieces = None
        self.ended.append(ended)
        self.last_at, self.declared_ms = ended.at, ended.declared_ms
        if ended.outcome == "success":
            self.successes_ms.append(ended.duration_ms)

    @property
    def kills(self) -> int:
        """Attempts that a learned limit ended since the last success."""
        since = takewhile(lambda ended: ended.outcome != "success", reversed(self.ended))
        return sum(ended.killed for ended in since)

    @property
    def failed_lately(self) -> bool:
        """The last outcome that says something of the code was none to be glad of."""
        decided = (ended.outcome for ended in reversed(self.ended) if ended.outcome != "cancellation")
        return next(decided, "success") != "success"

    def since(self, seq: int) -> list[Ended]:
        """What ended behind that place of the log, oldest first."""
        return [*takewhile(lambda ended: ended.seq > seq, reversed(self.ended))][::-1]
