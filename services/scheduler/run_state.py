"""What a run is at a moment: the fold of its own events and of those of its attempts, as frozen values.

Everything that a decision about the run needs is in here, so that a decision is a function of it. It deliberately knows
no host but by name, no clock, and no place in a stream.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from libs.contracts.attempt import StepPart
from libs.contracts.blobs import BlobRef
from libs.contracts.group import Member
from libs.contracts.ids import BootId, CommandId, HostId, JobKey, RunId
from libs.contracts.plan import JsonObject, Plan, PlannedJob
from libs.contracts.results import Result, worst
from libs.contracts.run import CancelReason, QueueKind, TimeoutEvidence

RunPhase = Literal["planned", "started", "over"]
JobPhase = Literal["waiting", "calling", "queued", "assigned", "running", "ended", "finished", "skipped"]
"""`calling`: the jobs of the workflow that it calls are under way. `ended`: its attempt is over, and the decider has
yet to say what follows: the verdict, or another attempt.
"""
AttemptEnd = Literal["finished", "refused", "lost"]

DONE: frozenset[JobPhase] = frozenset({"finished", "skipped"})
ON_A_HOST: frozenset[JobPhase] = frozenset({"assigned", "running"})
NAME_CHARACTERS = 1_200
"""Of a job's shown name, which ten levels of ids fill: one made of an output of a megabyte could not be stored."""
STORY_EVENTS = 16
"""How much of its past an error about a run tells: enough to see how it came to be, little enough for a log line."""


class StepResult(msgspec.Struct, frozen=True):
    name: str
    outcome: Result
    conclusion: Result
    why: str = ""
    part: StepPart = "main"


class Attempt(msgspec.Struct, frozen=True):
    """One attempt at a job. `steps` are the recorded outcomes by the step's index, and nothing else counts.

    `flaw` is what its events contradict themselves in: such an attempt can end in `error` only.
    """

    n: int
    host: HostId
    assigned_at: datetime
    boot_id: BootId | None = None
    driver: str = ""
    started_at: datetime | None = None
    steps_started: frozenset[int] = frozenset()
    steps: dict[int, StepResult] = {}
    flaw: str = ""
    end: AttemptEnd | None = None
    ended_at: datetime | None = None
    conclusion: Result | None = None
    outputs: dict[str, str] = {}
    outputs_blob: BlobRef | None = None
    why: str = ""
    permanent: bool = False

    @property
    def steps_run(self) -> int:
        return sum(step.outcome != "skip" for step in self.steps.values() if step.part == "main")


class Request(msgspec.Struct, frozen=True):
    """What was asked of a concurrency group, and when: whoever asked first enters first."""

    group: str
    cancel_in_progress: bool
    queue: QueueKind
    at: datetime


class Hold(msgspec.Struct, frozen=True):
    """A job stands before a protected environment, by the rules of that moment. `denied` says who keeps it out."""

    environment: str
    reviewers: tuple[str, ...]
    wait_minutes: int
    prevent_self_review: bool
    since: datetime
    approved: bool = False
    denied: str = ""


class Job(msgspec.Struct, frozen=True):
    """One job after its matrix, or, while `expanded` is false and it has a matrix, all that it will become.

    `tries` counts the attempts that finished or were lost, `refusals` those that no host took, both within the run
    attempt. `finish` is its place in the order in which the jobs finished: of a matrix's outputs the last one counts.
    """

    key: JobKey
    job_id: str
    phase: JobPhase = "waiting"
    expanded: bool = False
    matrix: JsonObject | None = None
    index: int = 0
    name: str = ""
    labels: tuple[str, ...] = ()
    host_group: str = ""
    timeout_ms: int = 0
    declared_ms: int = 0
    """The limit that its workflow declares; `timeout_ms` is shorter where one was learned, by what `limit` says."""
    limit: TimeoutEvidence | None = None
    continue_on_error: bool = False
    cancel_timeout_ms: int | None = None
    not_hosts: tuple[HostId, ...] = ()
    refused_by: tuple[HostId, ...] = ()
    queued_at: datetime | None = None
    attempt: Attempt | None = None
    tries: int = 0
    retries: int = 0
    """Of the tries, those that failed as known to be flaky and were followed by another."""
    refusals: int = 0
    cancel: CancelReason | None = None
    cancel_at: datetime | None = None
    outcome: Result | None = None
    conclusion: Result | None = None
    outputs: dict[str, str] = {}
    steps_run: int = 0
    finish: int = 0
    why: str = ""
    environment: str = ""
    hold: Hold | None = None


class Expansion(msgspec.Struct, frozen=True):
    """What a matrix became, as far as it concerns all of its jobs."""

    total: int
    fail_fast: bool
    max_parallel: int | None


class Call(msgspec.Struct, frozen=True):
    """A workflow that a job of the run called: its key in the plan, and the `inputs` context of its jobs."""

    workflow: str
    inputs: JsonObject


class Run(msgspec.Struct, frozen=True):
    """`planned`, `needs` and `ancestors` are the plan by job id; `numbers` the last `n` of every job that ever was.

    The id of a called workflow's job begins with its caller's key; the plan of such a job is as its file has it, with
    its own id and needs by that. `callers` are the callers' keys, by the ids of the jobs that were called.
    """

    plan: Plan
    planned: dict[str, PlannedJob]
    needs: dict[str, tuple[str, ...]]
    ancestors: dict[str, tuple[str, ...]]
    jobs: dict[JobKey, Job]
    created_at: datetime
    phase: RunPhase = "planned"
    run_attempt: int = 1
    started_at: datetime | None = None
    expansions: dict[str, Expansion] = {}
    calls: dict[JobKey, Call] = {}
    callers: dict[str, JobKey] = {}
    numbers: dict[JobKey, int] = {}
    cancel: CancelReason | None = None
    cancel_why: str = ""
    requests: dict[Member, Request] = {}
    """What the run, its jobs and the workflows that they call asked of concurrency groups, in this run attempt."""
    commands: frozenset[CommandId] = frozenset()
    rerun_by: str = ""
    ended_by_limit: dict[JobKey, int] = {}
    """Jobs that a learned limit ended, and that limit in milliseconds, until they succeed: also across run attempts."""
    finishes: int = 0
    conclusion: Result | None = None
    story: tuple[str, ...] = ()

    @property
    def id(self) -> RunId:
        return self.plan.run_id

    @property
    def over(self) -> bool:
        return self.phase == "over"

    def of(self, job_id: str) -> list[Job]:
        """The jobs that one job of the workflow file became, in their matrix's order."""
        if job_id not in self.expansions:
            return [self.jobs[JobKey(job_id)]]
        return [job for job in self.jobs.values() if job.job_id == job_id]

    def result_of(self, job_id: str) -> Result | None:
        """How all of it ended, None where it has not."""
        jobs = self.of(job_id)
        results: list[Result] = [job.conclusion for job in jobs if job.conclusion is not None and job.phase in DONE]
        return worst(results) if len(results) == len(jobs) else None

    def caller_of(self, job_id: str) -> Job | None:
        """The job that called the workflow that this one is of; None for the run's own workflow."""
        key = self.callers.get(job_id)
        return None if key is None else self.jobs[key]

    def called_by(self, caller: JobKey) -> list[Job]:
        """The jobs of the workflow that it called, without those that these call in turn."""
        if caller not in self.calls:
            return []
        return [job for job in self.jobs.values() if self.callers.get(job.job_id) == caller]

    def inside(self, caller: JobKey) -> list[Job]:
        """All jobs that are there because of this one, however many levels down."""
        mine = self.called_by(caller)
        return [*mine, *(job for each in mine for job in self.inside(each.key))]

    def cancel_reason(self, job_id: str) -> CancelReason | None:
        """Why the run, or a call that led to this job, is being stopped."""
        caller = self.caller_of(job_id)
        if caller is None:
            return self.cancel
        return self.cancel or caller.cancel or self.cancel_reason(caller.job_id)


def new_run(plan: Plan, at: datetime) -> Run:
    """A run of which only its plan is known."""
    planned = {job.id: job for job in plan.jobs}
    needs = {job_id: job.needs for job_id, job in planned.items()}
    return Run(
        plan=plan,
        planned=planned,
        needs=needs,
        ancestors={job_id: ancestors(job_id, needs) for job_id in planned},
        jobs={JobKey(job.id): waiting(job.id, job) for job in plan.jobs},
        created_at=at,
        story=("RunPlanned",),
    )


def waiting(job_id: str, planned: PlannedJob, caller: Job | None = None) -> Job:
    """A job as it is before anything was decided about it."""
    return Job(key=JobKey(job_id), job_id=job_id, name=below(caller, _shown(planned)))


def below(caller: Job | None, name: str) -> str:
    """A job's name as it is shown, behind that of the job that called its workflow."""
    full = name if caller is None else f"{caller.name} / {name}"
    return full if len(full) <= NAME_CHARACTERS else full[: NAME_CHARACTERS - 3] + "..."


def _shown(planned: PlannedJob) -> str:
    """A name for a job whose name was never evaluated: what is not a template is what the user wrote."""
    return planned.name if planned.name and "${{" not in planned.name else planned.id


def ancestors(job_id: str, needs: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """All that it needs, and what those need, each once; a cycle ends where it began."""
    found: dict[str, None] = {}
    pending = list(needs[job_id])
    while pending:
        need = pending.pop()
        if need in found:
            continue
        found[need] = None
        pending.extend(needs.get(need, ()))
    return tuple(found)
