"""A log of runs as what advice is made of: one call, one thing that happened, each an hour after the one before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TypeVar

from libs.contracts.advice import Advice, AdviceEvent, AdviceGiven, AdviceMeasured
from libs.contracts.plan import Trust
from libs.contracts.results import Result
from libs.contracts.size import Size
from libs.views.standing import About, Standing, standing
from services.learner.advising.deciding import decide
from services.learner.advising.memory import HOSTS, Memory
from services.learner.advising.seen import (
    AttemptEnded,
    HostJoined,
    JobEnded,
    JobQueued,
    LimitAdjusted,
    MachineReady,
    RunEnded,
    RunPlanned,
    Seen,
    StepEnded,
)

HOUR = 3600.0
BEGIN = 1_700_000_000.0
MINUTE_MS = 60_000.0
DECLARED_MS = 360 * MINUTE_MS
REPOSITORY = 5
SIZE = Size(2, 4096)


Piece = TypeVar("Piece", bound=Advice)


@dataclass
class Story:
    memory: Memory = field(default_factory=Memory)
    now: float = BEGIN
    floor_ms: float = 2_000.0
    seen: list[Seen] = field(default_factory=list[Seen])
    remembers: bool = True
    """Else what happens is listed only, for whoever is told of it."""
    stands: Standing = field(default_factory=lambda: standing(None, datetime.fromtimestamp(BEGIN, UTC)))
    _seq: count[int] = field(default_factory=lambda: count(1))
    _runs: count[int] = field(default_factory=lambda: count(1))

    def happen(self, seen: Seen) -> None:
        self.seen.append(seen)
        if self.remembers:
            self.memory.evolve([seen])

    def run(  # a story's defaults
        self,
        outcome: Result = "success",
        ms: float = MINUTE_MS,
        *,
        sha: str = "",
        limit_ms: float = 0.0,
        failed: tuple[str, ...] = (),
        commands: tuple[tuple[str, float], ...] = (),
        trust: Trust = "own",
        trial: bool = False,
        event: str = "push",
        lockfiles: tuple[str, ...] = (),
        retried: int = 0,
        job: str = "test",
        repository: int = REPOSITORY,
        declared_ms: float = DECLARED_MS,
        after_hours: float = 1.0,
    ) -> int:
        """One run of one job. `retried` attempts failed before the last one, as known to be flaky."""
        self.now += after_hours * HOUR
        run_id = next(self._runs)
        sha = sha or f"sha{run_id}"
        path = ".github/workflows/ci.yml"
        self.happen(
            RunPlanned(self.seq, self.now, run_id, repository, "octo/hello", path, event, sha, trust, trial, lockfiles)
        )
        for n in range(1, retried + 1):
            self.queued(run_id, job, declared_ms, n - 1)
            self.happen(AttemptEnded(self.seq, run_id, job, n, ms))
        self.queued(run_id, job, declared_ms, retried)
        self.attempt(run_id, job, retried + 1, outcome, ms, limit_ms=limit_ms, failed=failed, commands=commands)
        self.happen(JobEnded(self.seq, self.now, run_id, job, job.title(), retried + 1, outcome, retried))
        self.happen(RunEnded(self.seq, self.now, run_id, outcome))
        return run_id

    def again(self, run_id: int, outcome: Result = "success", ms: float = MINUTE_MS, *, job: str = "test") -> None:
        """A person lets the failed job of a run run again."""
        self.queued(run_id, job, DECLARED_MS, 0)
        self.attempt(run_id, job, 2, outcome, ms)
        self.happen(JobEnded(self.seq, self.now, run_id, job, job.title(), 2, outcome, 0))
        self.happen(RunEnded(self.seq, self.now, run_id, outcome))

    def queued(self, run_id: int, job: str, declared_ms: float, retry_of: int) -> None:
        self.happen(JobQueued(self.seq, self.now, run_id, job, job.title(), declared_ms, retry_of))

    def attempt(
        self,
        run_id: int,
        job: str,
        n: int,
        outcome: Result,
        ms: float,
        *,
        limit_ms: float = 0.0,
        failed: tuple[str, ...] = (),
        commands: tuple[tuple[str, float], ...] = (),
    ) -> None:
        if limit_ms:
            self.happen(LimitAdjusted(self.seq, run_id, job, limit_ms))
        for index, (command, took) in enumerate(commands):
            name = f"Run {command}"
            self.happen(StepEnded(self.seq, run_id, job, n, index, name, "success", False, took, command))
        for index, name in enumerate(failed, len(commands)):
            self.happen(StepEnded(self.seq, run_id, job, n, index, name, "failure", True, 1.0, "make"))
        self.happen(AttemptEnded(self.seq, run_id, job, n, ms))

    def arrives(self, run_id: int, host: str = "host-1", *, pooled: bool = False, size: Size = SIZE) -> None:
        self.happen(MachineReady(self.seq, self.now, run_id, host, pooled, size))

    def joins(self, host: str = "host-1", slots: int = 4) -> None:
        self.happen(HostJoined(self.seq, host, slots))

    @property
    def seq(self) -> int:
        return next(self._seq)

    def give(self, repository: int = REPOSITORY) -> list[AdviceEvent]:
        """What the learner says now; it stands from then on."""
        now = datetime.fromtimestamp(self.now, UTC)
        events = decide(self.memory, repository, self.stands, now, self.floor_ms)
        given = [event for event in events if isinstance(event, AdviceGiven)]
        if given:
            told = [event for event in events if isinstance(event, AdviceMeasured)]
            measured = {About(each.kind, each.path, each.job, each.step): each for each in told}
            self.stands = Standing(self.seq, now, given[0], measured)
        return events

    def give_hosts(self) -> list[AdviceEvent]:
        return self.give(HOSTS)

    def advised(self, kind: type[Piece]) -> list[Piece]:
        return [piece for piece in self.stands.given.advice if isinstance(piece, kind)]

    def measured(self, kind: str, step: str = "") -> AdviceMeasured:
        found = [each for what, each in self.stands.measured.items() if what.kind == kind and what.step == step]
        assert len(found) == 1, (kind, list(self.stands.measured))
        return found[0]
