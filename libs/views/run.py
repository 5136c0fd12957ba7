"""One run, its jobs, attempts and steps, folded from the stored commits of `ev.run...` and `ev.attempt...`.

Mutable, because a page is folded live, one commit at a time; `story` is what happened in sentences, oldest first.
It knows nothing of decisions: what follows from a state is the scheduler's to say.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from libs.contracts.attempt import Annotation
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import HostId, JobKey, RunId
from libs.contracts.plan import Plan, PlannedJob
from libs.contracts.results import Result
from libs.contracts.run import TimeoutAdjusted

JobState = Literal["waiting", "calling", "queued", "assigned", "running", "finished", "skipped"]
RunState = Literal["planned", "running", "finished"]
STORY_LINES = 2000
"""A run of 256 jobs with three attempts each fits; a page or a terminal shows no more."""


class StepView(msgspec.Struct):
    """One step of one attempt. Times are the commits' own."""

    index: int
    name: str
    state: Literal["pending", "running", "finished"] = "pending"
    outcome: Result | None = None
    conclusion: Result | None = None
    started: datetime | None = None
    duration_ms: float = 0
    exit_code: int | None = None
    first_line: int = 0
    lines: int = 0
    why: str = ""
    annotations: tuple[Annotation, ...] = ()
    summary: BlobRef | None = None
    category: str = ""


class AttemptView(msgspec.Struct):
    """One try at a job on one host."""

    n: int
    host: HostId
    assigned: datetime
    driver: str = ""
    started: datetime | None = None
    finished: datetime | None = None
    phases_ms: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    steps: dict[int, StepView] = msgspec.field(default_factory=dict[int, StepView])
    conclusion: Result | None = None
    why: str = ""
    """Why it was lost, refused or ended as it did."""
    log: BlobRef | None = None
    lines: int = 0
    duration_ms: float = 0

    @property
    def over(self) -> bool:
        return self.finished is not None


class JobView(msgspec.Struct):
    """One job after its matrix; before, one that waits under its id."""

    key: JobKey
    job_id: str
    name: str
    state: JobState = "waiting"
    caller: JobKey | None = None
    """The job that called the workflow that this one is of."""
    labels: tuple[str, ...] = ()
    host_group: str = ""
    needs: tuple[str, ...] = ()
    queued: datetime | None = None
    finished: datetime | None = None
    outcome: Result | None = None
    conclusion: Result | None = None
    why: str = ""
    environment: str = ""
    environment_url: str = ""
    """Where to look at what it put there."""
    outputs: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    retries: int = 0
    """How many of its attempts failed as known to be flaky, and were run again."""
    adjusted: TimeoutAdjusted | None = None
    """Its time limit, where a learned one is in the place of what the workflow declares."""
    attempts: list[AttemptView] = msgspec.field(default_factory=list[AttemptView])

    @property
    def last(self) -> AttemptView | None:
        return self.attempts[-1] if self.attempts else None


class Line(msgspec.Struct):
    """One sentence of the story."""

    time: datetime
    job: JobKey | None
    text: str


class RunView(msgspec.Struct):
    """A run. `plan` is None where it was too large for the log and nobody fetched its blob."""

    run_id: RunId
    owner: str
    repo: str
    cause: str = ""
    plan: Plan | None = None
    plan_blob: BlobRef | None = None
    state: RunState = "planned"
    run_attempt: int = 1
    conclusion: Result | None = None
    planned: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    steps_run: int = 0
    why: str = ""
    groups: dict[JobKey, str] = msgspec.field(default_factory=dict[JobKey, str])
    """The concurrency group that the run (an empty key) or a job asked for last, in this run attempt."""
    jobs: dict[JobKey, JobView] = msgspec.field(default_factory=dict[JobKey, JobView])
    story: list[Line] = msgspec.field(default_factory=list[Line])
    planned_jobs: dict[str, PlannedJob] = msgspec.field(default_factory=dict[str, PlannedJob])
    """By the job's id in the run: of its own workflow, and of those that were called."""
    calls: dict[JobKey, str] = msgspec.field(default_factory=dict[JobKey, str])
    """The jobs that called a workflow, with their ids."""
    unknown: int = 0
    """Events of types that this version does not know."""

    @property
    def repository(self) -> str:
        return self.plan.repository.full_name if self.plan else f"{self.owner}/{self.repo}"

    @property
    def workflow(self) -> str:
        return (self.plan.workflow_name or self.plan.workflow_path) if self.plan else ""

    def tell(self, time: datetime, job: JobKey | None, text: str) -> None:
        if len(self.story) < STORY_LINES:
            self.story.append(Line(time, job, text))

    def job_of(self, key: JobKey, job_id: str = "", name: str = "") -> JobView:
        """The job of this key, made where it is new (a matrix's, or a run whose plan is not at hand)."""
        job = self.jobs.get(key)
        if job is None:
            waiting = self.jobs.pop(JobKey(job_id), None)
            needs = waiting.needs if waiting else self._needs(job_id)
            job = self.jobs[key] = JobView(key, job_id or key, name or key, needs=needs)
        return job

    def in_order(self) -> list[JobView]:
        """As in the workflow file; a matrix's jobs as they were expanded, a called workflow's behind their caller."""
        order = {job_id: place for place, job_id in enumerate(job.id for job in self.plan.jobs)} if self.plan else {}
        inside: dict[JobKey | None, list[JobView]] = {}
        for job in self.jobs.values():
            inside.setdefault(job.caller if job.caller in self.jobs else None, []).append(job)
        tops = sorted(inside.get(None, []), key=lambda job: order.get(job.job_id, len(order)))
        pending, ordered = list(reversed(tops)), list[JobView]()
        while pending:
            job = pending.pop()
            ordered.append(job)
            pending += reversed(inside.get(job.key, []))
        return ordered

    def attempt_of(self, key: JobKey, n: int) -> AttemptView | None:
        job = self.jobs.get(key)
        return next((attempt for attempt in job.attempts if attempt.n == n), None) if job else None

    def _needs(self, job_id: str) -> tuple[str, ...]:
        planned = self.planned_jobs.get(job_id)
        return planned.needs if planned else ()
