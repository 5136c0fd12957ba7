"""Failed steps that wait for their run's end, to be looked up in what the log knows. Bounded.

Pure but for its own state; what came before a start is read back by `missed_failures`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from services.learner.folding.facts import Fact, RunFact, StepFact

RUNS_KEPT = 5_000
FAILURES_KEPT = 20
"""Of one run: a matrix fails in the same way a hundred times, and nobody reads more."""
WAITING = 1_000
"""Ended runs that are not looked up yet; more at once are not told of."""


class Failure(msgspec.Struct, frozen=True):
    job: str
    n: int
    step: int
    name: str
    fingerprint: str
    said: str


class FailedRun(msgspec.Struct, frozen=True):
    """One that ended, and how its steps failed."""

    run_id: int
    run_attempt: int
    failures: tuple[Failure, ...]


class Failures:
    def __init__(self) -> None:
        self._open: dict[int, list[Failure]] = {}
        self._ended: deque[FailedRun] = deque(maxlen=WAITING)

    def saw(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, StepFact) and fact.fingerprint and fact.outcome == "failure":
                self.failed(fact.run_id, failure_of(fact))
            elif isinstance(fact, RunFact) and fact.type == "RunFinished":
                self.ended(fact.run_id, fact.run_attempt)

    def failed(self, run_id: int, failure: Failure) -> None:
        known = self._open.setdefault(run_id, [])
        if len(known) < FAILURES_KEPT:
            known.append(failure)
        if len(self._open) > RUNS_KEPT:
            del self._open[next(iter(self._open))]

    def ended(self, run_id: int, run_attempt: int) -> None:
        if failures := self._open.pop(run_id, None):
            self._ended.append(FailedRun(run_id, run_attempt, tuple(failures)))

    def forget(self, run_id: int) -> None:
        self._open.pop(run_id, None)

    def next(self) -> FailedRun | None:
        return self._ended.popleft() if self._ended else None


def failure_of(step: StepFact) -> Failure:
    return Failure(step.job, step.n, step.step, step.name, step.fingerprint, step.said)
