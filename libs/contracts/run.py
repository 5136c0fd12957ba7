"""A run: `ev.run.<owner>.<repo>.<run_id>`, written by the scheduler alone; only the first commit is the parser's."""

from __future__ import annotations

from typing import Literal

import msgspec

from libs.contracts.blobs import BlobRef
from libs.contracts.ids import CommandId, HostId, JobKey
from libs.contracts.plan import JsonObject, Plan
from libs.contracts.results import Result

CancelReason = Literal["cancelled", "fail-fast", "timeout", "superseded"]
QueueKind = Literal["single", "max"]
"""How many wait for a concurrency group: the newest, or a hundred."""


class RunPlanned(msgspec.Struct, frozen=True, tag="RunPlanned"):
    """The first event of a run, by the parser, expecting 0. A plan over `INLINE_BYTES` is in the blob instead."""

    plan: Plan | None = None
    plan_blob: BlobRef | None = None


class RunStarted(msgspec.Struct, frozen=True, tag="RunStarted"):
    run_attempt: int = 1


class Combination(msgspec.Struct, frozen=True):
    """One job of a matrix: its key, the values, and its place from 0."""

    job: JobKey
    values: JsonObject
    index: int


class MatrixExpanded(msgspec.Struct, frozen=True, tag="MatrixExpanded"):
    """The jobs that `job_id` became. A job without a matrix needs no such event: its key is its id."""

    job_id: str
    combinations: tuple[Combination, ...]
    fail_fast: bool = True
    max_parallel: int | None = None


class CallExpanded(msgspec.Struct, frozen=True, tag="CallExpanded"):
    """The job calls a workflow, whose jobs are the run's from here on, under ids that begin with this job's key.

    `inputs` is the context of that name for all of them: evaluated, with the declared types. The job itself is over
    when they are.
    """

    job: JobKey
    job_id: str
    name: str
    inputs: JsonObject = {}
    run_attempt: int = 1


class GroupRequested(msgspec.Struct, frozen=True, tag="GroupRequested"):
    """The run (`job` empty), a job, or the workflow that a job calls (`called`) asks to enter a concurrency group: it
    goes on when the group's own log says that it holds it. The expressions are evaluated here, once.
    """

    group: str
    job: JobKey = JobKey("")
    called: bool = False
    cancel_in_progress: bool = False
    queue: QueueKind = "single"
    run_attempt: int = 1


class ApprovalRequested(msgspec.Struct, frozen=True, tag="ApprovalRequested"):
    """The job's environment is protected, by these rules of that moment. Without `reviewers` only time has to pass."""

    job: JobKey
    environment: str
    reviewers: tuple[str, ...] = ()
    wait_minutes: int = 0
    prevent_self_review: bool = False


class ApprovalGranted(msgspec.Struct, frozen=True, tag="ApprovalGranted"):
    """A reviewer lets the run's `jobs` into the environment."""

    command: CommandId
    environment: str
    jobs: tuple[JobKey, ...]
    by: str
    comment: str = ""


class ApprovalDenied(msgspec.Struct, frozen=True, tag="ApprovalDenied"):
    """A reviewer keeps the run's `jobs` out of the environment: they end as failed."""

    command: CommandId
    environment: str
    jobs: tuple[JobKey, ...]
    by: str
    comment: str = ""


class TimeoutEvidence(msgspec.Struct, frozen=True):
    """Why a learned limit is what it is: the advice at `position` of `ev.advice.<repository_id>`, and its terms."""

    position: int
    rule: str
    n: int
    longest_ms: float
    upper_ms: float = 0
    kills: int = 0


class TimeoutAdjusted(msgspec.Struct, frozen=True, tag="TimeoutAdjusted"):
    """The job's limit is shorter than its workflow declares, by the repository's opt-in: said in
    the commit that queues it."""

    job: JobKey
    from_ms: int
    to_ms: int
    evidence: TimeoutEvidence
    run_attempt: int = 1


class JobQueued(msgspec.Struct, frozen=True, tag="JobQueued"):
    """It may run as soon as a host has room. Said again after a lost or refused attempt, `why` then says which.

    `timeout_ms` counts from the attempt's start; `continue_on_error` and `environment` are the evaluated values.
    `cancel_timeout_ms` is how long its steps may go on after a cancellation, None where the workflow does not say.
    """

    job: JobKey
    job_id: str
    name: str
    labels: tuple[str, ...]
    timeout_ms: int
    continue_on_error: bool = False
    run_attempt: int = 1
    why: str = ""
    not_hosts: tuple[HostId, ...] = ()
    host_group: str = ""
    """The group of hosts that it has to run in; empty is any."""
    cancel_timeout_ms: int | None = None
    environment: str = ""
    retry_of: int = 0
    """The attempt that failed, where the job is known to be flaky and the repository opted into trying again."""


class JobAssigned(msgspec.Struct, frozen=True, tag="JobAssigned"):
    """`n` counts attempts at this job across run attempts from 1, and is never used again."""

    job: JobKey
    n: int
    host: HostId


class JobSkipped(msgspec.Struct, frozen=True, tag="JobSkipped"):
    """`job` is a job id where its matrix was never expanded."""

    job: JobKey
    job_id: str
    name: str
    why: str


class JobCancelRequested(msgspec.Struct, frozen=True, tag="JobCancelRequested"):
    """The attempt is to stop: its steps get SIGINT, SIGTERM, SIGKILL, then `always()` steps run.

    `n` is 0 for a job that calls a workflow: the jobs of that are to stop, those whose `if` still holds excepted.
    """

    job: JobKey
    n: int
    reason: CancelReason


class JobFinished(msgspec.Struct, frozen=True, tag="JobFinished"):
    """`outcome` is what happened; `conclusion` is what counts (`continue-on-error` makes it a success).

    `n` is the attempt that decided, 0 where none ran. `why` explains anything but a
    success, and a success that took more than one attempt.
    """

    job: JobKey
    job_id: str
    name: str
    outcome: Result
    conclusion: Result
    n: int = 0
    outputs: dict[str, str] = {}
    outputs_blob: BlobRef | None = None
    why: str = ""
    retries: int = 0
    """How many of its attempts failed as known to be flaky, and were run again: a success is told with them."""


class RunCancelRequested(msgspec.Struct, frozen=True, tag="RunCancelRequested"):
    command: CommandId
    by: str
    reason: CancelReason = "cancelled"
    why: str = ""


class RunRerun(msgspec.Struct, frozen=True, tag="RunRerun"):
    """A user's rerun: `jobs` run again (with those that need them), the others keep their results."""

    command: CommandId
    by: str
    run_attempt: int
    jobs: tuple[JobKey, ...]


class CommandRejected(msgspec.Struct, frozen=True, tag="CommandRejected"):
    command: CommandId
    why: str


class RunFinished(msgspec.Struct, frozen=True, tag="RunFinished"):
    """Exactly one a run attempt. `steps_run` is how many steps really ran: where it is 0, the report says so."""

    conclusion: Result
    run_attempt: int = 1
    steps_run: int = 0
    why: str = ""


RunEvent = (
    RunPlanned
    | RunStarted
    | MatrixExpanded
    | CallExpanded
    | GroupRequested
    | ApprovalRequested
    | ApprovalGranted
    | ApprovalDenied
    | TimeoutAdjusted
    | JobQueued
    | JobAssigned
    | JobSkipped
    | JobCancelRequested
    | JobFinished
    | RunCancelRequested
    | RunRerun
    | CommandRejected
    | RunFinished
)
