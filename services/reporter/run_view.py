"""A run as GitHub is to see it: a small fold over its own events and its attempts'. Pure.

It knows nothing of scheduling: a job is queued, running or finished; its steps are those of the attempt that counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from libs.bus.port import Stored
from libs.contracts import attempt, blobs, envelope, ids, run, subjects
from libs.contracts.results import Result
from libs.views.insights import NOTHING, Insights


class RepositoryHead(msgspec.Struct, frozen=True):
    id: int
    owner: str
    name: str


class ContextHead(msgspec.Struct, frozen=True):
    """The `github` context; the payload stays raw until one thing of it is needed."""

    event: msgspec.Raw = msgspec.Raw(b"null")


class PlanHead(msgspec.Struct, frozen=True):
    """The fields of a plan that a report needs."""

    repository: RepositoryHead
    event: str
    sha: str
    workflow_path: str
    workflow_name: str
    run_number: int
    pull_request: int | None = None
    github: ContextHead = ContextHead()
    trial: str = ""


class PlannedHead(msgspec.Struct, frozen=True, tag="RunPlanned"):
    plan: PlanHead | None = None
    plan_blob: blobs.BlobRef | None = None


class _Commit(msgspec.Struct, frozen=True):
    sha: str = ""


class _PullRequest(msgspec.Struct, frozen=True):
    head: _Commit = _Commit()


class _Payload(msgspec.Struct, frozen=True):
    pull_request: _PullRequest | None = None


@dataclass(frozen=True, slots=True)
class StepView:
    index: int
    name: str
    outcome: Result
    conclusion: Result
    duration_ms: float
    exit_code: int | None = None
    category: str = ""


@dataclass(slots=True)
class AttemptView:
    started: bool = False
    duration_ms: float | None = None
    steps: dict[int, StepView] = field(default_factory=dict[int, StepView])
    environment_url: str = ""


@dataclass(slots=True)
class JobView:
    """`result` is what counts, None until the job is over; `outcome` is what happened."""

    key: ids.JobKey
    job_id: str
    name: str
    n: int = 0
    result: Result | None = None
    outcome: Result | None = None
    why: str = ""
    retries: int = 0
    """Of its attempts, how many failed as known to be flaky."""
    adjusted: run.TimeoutAdjusted | None = None
    attempt: AttemptView = field(default_factory=AttemptView)

    @property
    def steps(self) -> list[StepView]:
        return [self.attempt.steps[index] for index in sorted(self.attempt.steps)]

    @property
    def steps_run(self) -> int:
        return sum(step.outcome != "skip" for step in self.attempt.steps.values())


@dataclass(slots=True)
class RunView:
    """`planned_at` is the place of its first event: of two runs, the greater is newer. `last` is its last change."""

    run_id: ids.RunId
    cause: ids.Cause
    planned_at: int
    last: datetime
    plan: PlanHead | None = None
    plan_blob: blobs.BlobRef | None = None
    run_attempt: int = 1
    result: Result | None = None
    steps_run: int = 0
    why: str = ""
    jobs: dict[ids.JobKey, JobView] = field(default_factory=dict[ids.JobKey, JobView])
    calls: set[ids.JobKey] = field(default_factory=set[ids.JobKey])
    """Jobs that call a workflow: its jobs are reported, and they are not."""
    insights: Insights = NOTHING
    """What is known of it besides; read where it is shown."""
    held: dict[ids.JobKey, str] = field(default_factory=dict[ids.JobKey, str])
    """Jobs that wait for an approval, with the environment that it is for."""

    @property
    def over(self) -> bool:
        return self.result is not None

    @property
    def trial(self) -> bool:
        """It tries out what a model proposed, and counts for nothing."""
        return self.plan is not None and bool(self.plan.trial)


_RunEvent = (
    PlannedHead
    | run.RunStarted
    | run.MatrixExpanded
    | run.CallExpanded
    | run.ApprovalRequested
    | run.TimeoutAdjusted
    | run.JobQueued
    | run.JobAssigned
    | run.JobSkipped
    | run.JobCancelRequested
    | run.JobFinished
    | run.RunCancelRequested
    | run.RunRerun
    | run.CommandRejected
    | run.RunFinished
)
_runs: msgspec.json.Decoder[_RunEvent] = msgspec.json.Decoder(_RunEvent)
_attempts: msgspec.json.Decoder[attempt.AttemptEvent] = msgspec.json.Decoder(attempt.AttemptEvent)
_plans = msgspec.json.Decoder(PlanHead)
_payloads = msgspec.json.Decoder(_Payload)


def fold(run_events: Iterable[Stored], attempt_events: Iterable[Stored]) -> RunView | None:
    """None where there is no run. Unknown types are skipped: what they say is not reported."""
    view: RunView | None = None
    for stored in run_events:
        commit = envelope.decode_commit(stored.data)
        if view is None:
            run_id = subjects.parse_run(stored.subject).run_id
            view = RunView(run_id, commit.cause, stored.seq, stored.time)
        view.last = stored.time
        for raw in commit.events:
            _apply(view, raw)
    if view is not None:
        _add_attempts(view, attempt_events)
    return view


def with_plan(view: RunView, plan_bytes: bytes) -> RunView:
    """Raises msgspec.MsgspecError where the blob is no plan."""
    view.plan = _plans.decode(plan_bytes)
    return view


def head_sha(plan: PlanHead) -> str:
    """The commit whose status people look at: of a pull request its head, not the merge that runs."""
    try:
        payload = _payloads.decode(plan.github.event)
    except msgspec.MsgspecError:
        return plan.sha
    sha = payload.pull_request.head.sha if payload.pull_request else ""
    return sha if ids.is_commit_sha(sha) else plan.sha


def _apply(view: RunView, raw: msgspec.Raw) -> None:
    try:
        event = _runs.decode(raw)
    except msgspec.ValidationError:
        return
    match event:
        case PlannedHead(plan=plan, plan_blob=blob):
            view.plan, view.plan_blob = plan, blob
        case run.JobQueued(job=key, job_id=job_id, name=name, run_attempt=run_attempt):
            view.run_attempt = max(view.run_attempt, run_attempt)
            view.jobs[key] = JobView(key, job_id, name, n=view.jobs[key].n if key in view.jobs else 0)
            view.held.pop(key, None)
        case run.ApprovalRequested(job=key, reviewers=reviewers):
            if reviewers:
                view.held[key] = event.environment
        case run.TimeoutAdjusted(job=key):
            if key in view.jobs:
                view.jobs[key].adjusted = event
        case run.JobAssigned(job=key, n=n):
            if key in view.jobs:
                view.jobs[key].n = n
        case run.JobSkipped(job=key, job_id=job_id, name=name, why=why):
            view.jobs[key] = JobView(key, job_id, name, result="skip", outcome="skip", why=why)
            view.held.pop(key, None)
        case run.CallExpanded(job=key):
            view.calls.add(key)
            view.jobs.pop(key, None)
        case run.JobFinished(job=key):
            if key in view.calls and _told_inside(view, event):
                return
            view.held.pop(key, None)
            view.jobs[key] = _ended(view.jobs.get(key), event)
        case run.RunRerun(run_attempt=run_attempt, jobs=keys):
            view.run_attempt, view.result, view.why = run_attempt, None, ""
            for key in keys:
                if key in view.jobs:
                    view.jobs[key] = JobView(key, view.jobs[key].job_id, view.jobs[key].name, n=view.jobs[key].n)
        case run.RunFinished():
            view.run_attempt, view.result = event.run_attempt, event.conclusion
            view.steps_run, view.why = event.steps_run, event.why
        case (
            run.RunStarted()
            | run.MatrixExpanded()
            | run.GroupRequested()
            | run.ApprovalGranted()
            | run.ApprovalDenied()
            | run.JobCancelRequested()
            | run.RunCancelRequested()
            | run.CommandRejected()
        ):
            pass


def _ended(before: JobView | None, event: run.JobFinished) -> JobView:
    adjusted = before.adjusted if before is not None else None
    result, outcome = event.conclusion, event.outcome
    return JobView(
        event.job, event.job_id, event.name, event.n, result, outcome, event.why, event.retries, adjusted=adjusted
    )


def _told_inside(view: RunView, call: run.JobFinished) -> bool:
    """The jobs of a called workflow say it all, unless the call itself went wrong: GitHub shows them alone, too."""
    if call.conclusion in ("success", "skip"):
        return True
    inside = [job for job in view.jobs.values() if job.job_id.startswith(f"{call.job}{ids.KEY_SEPARATOR}")]
    return any(job.result == call.conclusion for job in inside)


def _add_attempts(view: RunView, events: Iterable[Stored]) -> None:
    attempts: dict[tuple[str, int], AttemptView] = {}
    for stored in events:
        address = subjects.parse_attempt(stored.subject)
        seen = attempts.setdefault((address.job, address.n), AttemptView())
        for raw in envelope.decode_commit(stored.data).events:
            _apply_attempt(seen, raw)
    for job in view.jobs.values():
        job.attempt = attempts.get((job.key, job.n), AttemptView())


def _apply_attempt(seen: AttemptView, raw: msgspec.Raw) -> None:
    try:
        event = _attempts.decode(raw)
    except msgspec.ValidationError:
        return
    match event:
        case attempt.AttemptStarted():
            seen.started = True
        case attempt.StepFinished(step=step, name=name, outcome=outcome, conclusion=conclusion):
            seen.steps[step] = StepView(
                step, name, outcome, conclusion, event.duration_ms, event.exit_code, event.category
            )
        case attempt.AttemptFinished(duration_ms=duration_ms, environment_url=url):
            seen.duration_ms, seen.environment_url = duration_ms, url
        case attempt.AttemptRefused() | attempt.VmReady() | attempt.StepStarted() | attempt.AttemptLost():
            pass
