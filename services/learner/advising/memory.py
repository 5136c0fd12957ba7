"""Everything that advice is made of, in memory: a fold of what was seen, bounded, and rebuilt at each start.

Only runs of the repository's own code teach: a stranger's pull request must not be able to lengthen a limit or to make
a job known as flaky. Trial runs of what a model proposed teach nothing either. Errors of ours and skipped jobs say
nothing of the code; what was cancelled says only how long it went on. A machine that a job was given counts for the
pool, whoever's job it was.

Pure but for its own state: no clock, no bus, no database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from libs.contracts.plan import Trust
from libs.contracts.size import Size
from services.learner.advising.attempts import OpenJob
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
from services.learner.advising.windows import JobName, JobWindow
from services.learner.learning.flakiness import DAY_SECONDS, day

RUNS_KEPT = 5_000
"""Runs whose plan is known, the newest: one that is run again after so many others teaches nothing more."""
JOBS_KEPT = 4_000
"""Those that ended last. 200 outcomes of one are some 60 kB."""
DAYS_KEPT = 120
"""Of how many runs failed on each: what ended longer ago shows nothing as flaky any more."""
HOSTS = 0
"""In the place of a repository's number, which is never 0."""
ARRIVALS_KEPT = 5_000
ARRIVAL_SECONDS = 7 * DAY_SECONDS
"""A week has all hours of one; what was before it says little of the next days."""


class Shape(NamedTuple):
    """What stands ready on a host for whom."""

    host: str
    trust: Trust
    size: Size


class Arrival(NamedTuple):
    seq: int
    at: float
    pooled: bool


@dataclass(slots=True)
class Run:
    planned: RunPlanned
    jobs: dict[str, OpenJob] = field(default_factory=dict[str, OpenJob])

    @property
    def teaches(self) -> bool:
        return self.planned.trust == "own" and not self.planned.trial


class Day(NamedTuple):
    """How many runs of the repository's own code came to a conclusion, and to which."""

    ended: int
    failed: int


@dataclass(slots=True)
class Repository:
    """`days` by their number since 1970, oldest first."""

    name: str
    jobs: dict[JobName, None] = field(default_factory=dict[JobName, None])
    days: dict[int, Day] = field(default_factory=dict[int, Day])

    def count(self, number: int, day: Day) -> None:
        before = self.days.get(number, Day(0, 0))
        self.days[number] = Day(before.ended + day.ended, before.failed + day.failed)
        while len(self.days) > DAYS_KEPT:
            del self.days[next(iter(self.days))]


class Touched(NamedTuple):
    """Advice for the repository, or for the `HOSTS`, may be another now. `urgent`: what runs next depends on it."""

    repository_id: int
    urgent: bool


class Memory:
    def __init__(self) -> None:
        self.position = 0
        self.runs: dict[int, Run] = {}
        self.jobs: dict[JobName, JobWindow] = {}
        self.repositories: dict[int, Repository] = {}
        self.arrivals: dict[Shape, deque[Arrival]] = {}
        self.slots: dict[str, int] = {}

    def evolve(self, seen: Iterable[Seen]) -> list[Touched]:
        """In the order of the log."""
        return [touched for each in seen if (touched := self._evolve(each)) is not None]

    def read_to(self, position: int) -> None:
        """There is nothing else up to that place of the log."""
        self.position = max(self.position, position)

    def _evolve(self, seen: Seen) -> Touched | None:
        self.position = max(self.position, seen.seq)
        match seen:
            case RunPlanned():
                self._planned(seen)
            case HostJoined():
                self.slots[seen.host] = seen.slots
                return Touched(HOSTS, urgent=False)
            case RunEnded():
                return self._run_ended(seen)
            case MachineReady():
                self._arrived(seen)
                return Touched(HOSTS, urgent=False)
            case JobEnded():
                return self._job_ended(seen)
            case JobQueued():
                return self._queued(seen)
            case LimitAdjusted():
                if (job := self._open(seen.run_id, seen.job)) is not None:
                    job.limit_ms = seen.limit_ms
            case StepEnded():
                if (job := self._open(seen.run_id, seen.job)) is not None:
                    job.step_ended(seen)
            case AttemptEnded():
                if (job := self._open(seen.run_id, seen.job)) is not None:
                    job.attempt_ended(seen)
        return None

    def _planned(self, planned: RunPlanned) -> None:
        self.runs[planned.run_id] = Run(planned)
        if len(self.runs) > RUNS_KEPT:
            del self.runs[next(iter(self.runs))]
        self.repository(planned.repository_id, planned.repository)

    def repository(self, repository_id: int, name: str) -> Repository:
        known = self.repositories.setdefault(repository_id, Repository(name))
        known.name = name
        return known

    def planned(self, run_id: int) -> RunPlanned | None:
        run = self.runs.get(run_id)
        return run.planned if run is not None else None

    def _open(self, run_id: int, job: str) -> OpenJob | None:
        run = self.runs.get(run_id)
        return run.jobs.get(job) if run is not None else None

    def _queued(self, queued: JobQueued) -> Touched | None:
        run = self.runs.get(queued.run_id)
        if run is None or not run.teaches:
            return None
        job = run.jobs.get(queued.job)
        touched = None
        if job is not None and queued.retry_of:
            touched = self._keep(run, job, JobEnded(
                queued.seq, queued.at, queued.run_id, queued.job, queued.name, queued.retry_of, "failure", 0
            ))  # fmt: skip
        run.jobs[queued.job] = OpenJob(queued.name, queued.declared_ms, after_failure=bool(job and job.failed_before))
        return touched

    def _job_ended(self, ended: JobEnded) -> Touched | None:
        run = self.runs.get(ended.run_id)
        job = run.jobs.get(ended.job) if run is not None else None
        return self._keep(run, job, ended) if run is not None and job is not None else None

    def _keep(self, run: Run, job: OpenJob, ended: JobEnded) -> Touched | None:
        outcome = job.ended(ended, run.planned)
        if outcome is None:
            return None
        name = JobName(run.planned.repository_id, run.planned.path, ended.job)
        window = self.jobs.pop(name, None) or JobWindow(ended.name)
        self.jobs[name] = window  # the last ones ended last
        window.name, window.lockfiles = ended.name, run.planned.lockfiles
        window.add(outcome)
        self.repository(name.repository_id, run.planned.repository).jobs[name] = None
        if len(self.jobs) > JOBS_KEPT:
            self._forget(next(iter(self.jobs)))
        return Touched(name.repository_id, urgent=outcome.killed)

    def _forget(self, name: JobName) -> None:
        del self.jobs[name]
        self.repositories[name.repository_id].jobs.pop(name, None)

    def _run_ended(self, ended: RunEnded) -> Touched | None:
        run = self.runs.get(ended.run_id)
        if run is None or not run.teaches:
            return None
        known = self.repository(run.planned.repository_id, run.planned.repository)
        if ended.conclusion in ("success", "failure", "timeout"):
            known.count(day(ended.at), Day(1, int(ended.conclusion != "success")))
        run.jobs = {key: job for key, job in run.jobs.items() if job.failed_before}  # all that a rerun asks for
        return Touched(run.planned.repository_id, urgent=False)

    def _arrived(self, ready: MachineReady) -> None:
        run = self.runs.get(ready.run_id)
        if run is None:
            return
        shape = Shape(ready.host, run.planned.trust, ready.size)
        arrivals = self.arrivals.setdefault(shape, deque(maxlen=ARRIVALS_KEPT))
        arrivals.append(Arrival(ready.seq, ready.at, ready.pooled))
        while arrivals[0].at < ready.at - ARRIVAL_SECONDS:
            arrivals.popleft()
