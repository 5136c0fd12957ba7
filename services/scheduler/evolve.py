"""The fold: a run's state and one more event to the next state. It decides nothing and refuses what cannot be.

Events arrive in the order of the log. `at` is the server's clock at storing, or the decider's for an event that it is
about to propose.
"""

from __future__ import annotations

from datetime import datetime
from typing import cast

from msgspec.structs import replace

from libs.contracts.attempt import (
    AttemptEvent,
    AttemptFinished,
    AttemptLost,
    AttemptRefused,
    AttemptStarted,
    StepFinished,
    StepStarted,
    VmReady,
)
from libs.contracts.group import Member
from libs.contracts.ids import JobKey
from libs.contracts.run import (
    ApprovalDenied,
    ApprovalGranted,
    ApprovalRequested,
    CallExpanded,
    CommandRejected,
    GroupRequested,
    JobAssigned,
    JobCancelRequested,
    JobFinished,
    JobQueued,
    JobSkipped,
    MatrixExpanded,
    RunCancelRequested,
    RunEvent,
    RunFinished,
    RunPlanned,
    RunRerun,
    RunStarted,
    TimeoutAdjusted,
)
from libs.contracts.subjects import AttemptAddress
from libs.workflow.expressions import Value
from libs.workflow.matrix import display_name
from services.scheduler.called_jobs import with_called_jobs
from services.scheduler.rerunning import rerun
from services.scheduler.run_state import (
    ON_A_HOST,
    STORY_EVENTS,
    Attempt,
    Expansion,
    Hold,
    Job,
    Request,
    Run,
    StepResult,
    new_run,
    waiting,
)
from services.scheduler.transitions import JOB, RUN, IllegalTransition


def evolve(run: Run | None, event: RunEvent, at: datetime) -> Run:
    """The state after an event of the run. A plan in a blob must have been put in place before.

    Raises IllegalTransition.
    """
    if run is None:
        return _begin(event, at)
    run = _told(run, event)
    match event:
        case RunPlanned():
            raise IllegalTransition(f"run {run.id}", run.phase, "RunPlanned", run.story)
        case RunStarted():
            return replace(_run_step(run, event), run_attempt=event.run_attempt, started_at=at)
        case RunFinished():
            return replace(_run_step(run, event), conclusion=event.conclusion)
        case RunCancelRequested():
            run = _run_step(run, event)
            commands = run.commands | {event.command}
            return replace(run, cancel=event.reason, cancel_why=event.why, commands=commands)
        case CommandRejected():
            run = _run_step(run, event)
            return replace(run, commands=run.commands | {event.command})
        case RunRerun():
            return rerun(_run_step(run, event), event)
        case MatrixExpanded():
            return _expanded(run, event)
        case CallExpanded():
            calling = replace(_job_step(run, event.job, event), name=event.name)
            return with_called_jobs(_with(run, calling), calling, event.inputs)
        case GroupRequested():
            return _group_requested(run, event, at)
        case ApprovalRequested():
            return _held(run, event, at)
        case ApprovalGranted() | ApprovalDenied():
            return _reviewed(_run_step(run, event), event)
        case JobQueued():
            return _queued(run, event, at)
        case TimeoutAdjusted():
            job = _job_step(run, event.job, event)
            return _with(run, replace(job, timeout_ms=event.to_ms, declared_ms=event.from_ms, limit=event.evidence))
        case JobAssigned():
            return _assigned(run, event, at)
        case JobSkipped():
            skipped = replace(_job_step(run, event.job, event), name=event.name, why=event.why)
            return _with(run, replace(skipped, outcome="skip", conclusion="skip"))
        case JobCancelRequested():
            return _cancel_requested(run, event, at)
        case JobFinished():
            return _finished(run, event)


def evolve_attempt(run: Run, address: AttemptAddress, event: AttemptEvent, at: datetime) -> Run:
    """The state after an event of one of the run's attempts. What is not of the job's present attempt changes nothing:
    it is a late word of one that was given up, and the log keeps it. Raises IllegalTransition.
    """
    job = run.jobs.get(address.job)
    if job is None or job.attempt is None or (job.attempt.n, job.attempt.host) != (address.n, address.host):
        return run
    if job.attempt.end is not None:
        return run
    attempt = job.attempt
    run = _told(run, event, address.job)
    return _with(run, _attempt_step(_job_step(run, address.job, event), attempt, event, at))


def _begin(event: RunEvent, at: datetime) -> Run:
    if not isinstance(event, RunPlanned):
        raise IllegalTransition("a run", "not planned", type(event).__name__, ())
    if event.plan is None:
        raise ValueError("the plan is in a blob; it is loaded before the event is folded")
    return new_run(event.plan, at)


def _told(run: Run, event: RunEvent | AttemptEvent, job: JobKey | None = None) -> Run:
    about = job or getattr(event, "job", "")
    word = f"{type(event).__name__} {about}" if about else type(event).__name__
    return replace(run, story=(*run.story[1 - STORY_EVENTS :], word))


def _run_step(run: Run, event: RunEvent) -> Run:
    name = type(event).__name__
    phase = RUN.get((run.phase, name))
    if phase is None:
        raise IllegalTransition(f"run {run.id}", run.phase, name, run.story[:-1])
    return replace(run, phase=phase)


def _job_step(run: Run, key: JobKey, event: RunEvent | AttemptEvent) -> Job:
    name = type(event).__name__
    job = run.jobs.get(key)
    if job is None:
        raise IllegalTransition(f"job {key} of run {run.id}", "unknown", name, run.story[:-1])
    phase = JOB.get((job.phase, name))
    if phase is None or run.phase == "over":
        phase_shown = f"{job.phase} in a run that is over" if run.phase == "over" else job.phase
        raise IllegalTransition(f"job {key} of run {run.id}", phase_shown, name, run.story[:-1])
    return replace(job, phase=phase)


def _with(run: Run, job: Job) -> Run:
    return replace(run, jobs={**run.jobs, job.key: job})


def _expanded(run: Run, event: MatrixExpanded) -> Run:
    """The one entry of the unexpanded job gives way to its combinations, in its place."""
    if event.job_id in run.expansions or JobKey(event.job_id) not in run.jobs:
        raise IllegalTransition(f"job {event.job_id} of run {run.id}", "expanded", "MatrixExpanded", run.story[:-1])
    unexpanded = waiting(event.job_id, run.planned[event.job_id], run.caller_of(event.job_id))
    jobs: dict[JobKey, Job] = {}
    for key, job in run.jobs.items():
        if job.job_id != event.job_id:
            jobs[key] = job
            continue
        for part in event.combinations:
            name = display_name(unexpanded.name, cast("dict[str, Value]", part.values))
            jobs[part.job] = replace(
                unexpanded, key=part.job, name=name, expanded=True, matrix=part.values, index=part.index
            )
    expansion = Expansion(len(event.combinations), event.fail_fast, event.max_parallel)
    return replace(run, jobs=jobs, expansions={**run.expansions, event.job_id: expansion})


def _queued(run: Run, event: JobQueued, at: datetime) -> Run:
    job = _job_step(run, event.job, event)
    return _with(
        run,
        replace(
            job,
            name=event.name,
            labels=event.labels,
            host_group=event.host_group,
            timeout_ms=event.timeout_ms,
            declared_ms=event.timeout_ms,
            limit=None,
            retries=job.retries + (event.retry_of > 0),
            continue_on_error=event.continue_on_error,
            cancel_timeout_ms=event.cancel_timeout_ms,
            not_hosts=event.not_hosts,
            queued_at=at,
            why=event.why,
            cancel=None,
            cancel_at=None,
            environment=event.environment,
        ),
    )


def _group_requested(run: Run, event: GroupRequested, at: datetime) -> Run:
    run = _with(run, _job_step(run, event.job, event)) if event.job else _run_step(run, event)
    member = Member(run.id, run.run_attempt, event.job, event.called)
    request = Request(event.group, event.cancel_in_progress, event.queue, at)
    return replace(run, requests={**run.requests, member: request})


def _held(run: Run, event: ApprovalRequested, at: datetime) -> Run:
    hold = Hold(event.environment, event.reviewers, event.wait_minutes, event.prevent_self_review, at)
    return _with(run, replace(_job_step(run, event.job, event), hold=hold))


def _reviewed(run: Run, event: ApprovalGranted | ApprovalDenied) -> Run:
    for key in event.jobs:
        job = _job_step(run, key, event)
        if job.hold is None:
            raise IllegalTransition(f"job {key}", "not held by an environment", type(event).__name__, run.story[:-1])
        if isinstance(event, ApprovalGranted):
            hold = replace(job.hold, approved=True)
        else:
            said = f": {event.comment}" if event.comment else ""
            hold = replace(job.hold, denied=f"{event.by} did not approve it for {event.environment}{said}")
        run = _with(run, replace(job, hold=hold))
    return replace(run, commands=run.commands | {event.command})


def _assigned(run: Run, event: JobAssigned, at: datetime) -> Run:
    job = _job_step(run, event.job, event)
    if event.n != run.numbers.get(event.job, 0) + 1:
        last = run.numbers.get(event.job, 0)
        raise IllegalTransition(f"job {event.job}", f"at attempt {last}", f"JobAssigned n={event.n}", run.story[:-1])
    run = replace(run, numbers={**run.numbers, event.job: event.n})
    return _with(run, replace(job, attempt=Attempt(n=event.n, host=event.host, assigned_at=at)))


def _cancel_requested(run: Run, event: JobCancelRequested, at: datetime) -> Run:
    """An attempt that had ended by then ended by itself. A deadline on top of another reason counts as the deadline."""
    was = run.jobs.get(event.job)
    job = _job_step(run, event.job, event)
    if was is None or (was.phase not in ON_A_HOST and was.phase != "calling"):
        return _with(run, job)
    first = job.cancel_at or at
    return _with(run, replace(job, cancel=event.reason, cancel_at=first))


def _finished(run: Run, event: JobFinished) -> Run:
    job = _job_step(run, event.job, event)
    attempt = job.attempt
    run = _noted_limit(run, job, event)
    decided = attempt is not None and attempt.n == event.n
    outputs = attempt.outputs if attempt is not None and decided and event.outputs_blob else event.outputs
    job = replace(
        job,
        name=event.name,
        outcome=event.outcome,
        conclusion=event.conclusion,
        outputs=outputs,
        steps_run=attempt.steps_run if attempt is not None and decided else 0,
        finish=run.finishes + 1,
        why=event.why,
        attempt=None,
    )
    return replace(_with(run, job), finishes=run.finishes + 1)


def _noted_limit(run: Run, job: Job, event: JobFinished) -> Run:
    if event.outcome == "timeout" and job.limit is not None:
        return replace(run, ended_by_limit={**run.ended_by_limit, job.key: job.timeout_ms})
    if event.outcome == "success" and job.key in run.ended_by_limit:
        others = {key: limit for key, limit in run.ended_by_limit.items() if key != job.key}
        return replace(run, ended_by_limit=others)
    return run


def _attempt_step(job: Job, attempt: Attempt, event: AttemptEvent, at: datetime) -> Job:
    match event:
        case AttemptStarted():
            begun = replace(attempt, boot_id=event.boot_id, driver=event.driver, started_at=at)
            return replace(job, attempt=begun)
        case VmReady():
            return job
        case StepStarted():
            return replace(job, attempt=replace(attempt, steps_started=attempt.steps_started | {event.step}))
        case StepFinished():
            return replace(job, attempt=_step_finished(attempt, event))
        case AttemptFinished():
            ended = replace(
                _ended(attempt, "finished", event.why, at),
                conclusion=event.conclusion,
                outputs=event.outputs,
                outputs_blob=event.outputs_blob,
            )
            return replace(job, attempt=ended, tries=job.tries + 1)
        case AttemptLost():
            return replace(job, attempt=_ended(attempt, "lost", event.why, at), tries=job.tries + 1)
        case AttemptRefused():
            ended = replace(_ended(attempt, "refused", event.why, at), permanent=event.permanent)
            refused_by = (*job.refused_by, attempt.host) if event.permanent else job.refused_by
            return replace(job, attempt=ended, refusals=job.refusals + 1, refused_by=refused_by)


def _ended(attempt: Attempt, how: str, why: str, at: datetime) -> Attempt:
    assert how in ("finished", "refused", "lost")
    return replace(attempt, end=how, why=why, ended_at=at)


def _step_finished(attempt: Attempt, event: StepFinished) -> Attempt:
    if event.step in attempt.steps:
        return replace(attempt, flaw=f"step {event.step + 1} ({event.name}) has two recorded outcomes")
    result = StepResult(event.name, event.outcome, event.conclusion, event.why, event.part)
    return replace(attempt, steps={**attempt.steps, event.step: result})
