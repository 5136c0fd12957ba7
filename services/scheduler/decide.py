"""What follows now: the decider of a run. It is asked after every change and says only what is not yet said.

Level-triggered: it looks at the state, not at what happened last, so being asked twice, late, or by two schedulers does
no harm. Placement is not its affair (`place`), nor is what must be done because of an event (`effects`).
"""

from __future__ import annotations

from collections.abc import Callable

from libs.contracts.results import Result, worst
from libs.contracts.run import CancelReason, JobCancelRequested, RunEvent, RunFinished, RunStarted
from services.scheduler import job_keys
from services.scheduler.aftermath import after_attempt
from services.scheduler.calls import ended_calls
from services.scheduler.contexts import scope_of_if
from services.scheduler.ending import finish
from services.scheduler.evolve import evolve
from services.scheduler.gates.concurrency import at_gate, superseded
from services.scheduler.gates.passage import before_run, calls_to_enter, put_out
from services.scheduler.readiness import needs_over, ready_jobs
from services.scheduler.run_state import DONE, Job, Run
from services.scheduler.situation import Situation
from services.scheduler.unserved import unserved

FAILED: frozenset[Result] = frozenset({"failure", "error", "timeout"})


def decide(run: Run, situation: Situation) -> list[RunEvent]:
    """All events that follow from the state now, oldest first; empty where everything is said."""
    decided: list[RunEvent] = []
    while following := _next(run, situation):
        for event in following:
            run = evolve(run, event, situation.now)
        decided += following
    return decided


def _next(run: Run, situation: Situation) -> list[RunEvent]:
    """The first rule that has something to say. Their order matters: what ends comes before what begins."""
    if run.over:
        return []
    if run.phase == "planned":
        return [RunStarted(run.run_attempt)]
    return (
        _after_attempts(run, situation)
        or ended_calls(run)
        or _superseded(run, situation)
        or put_out(run, situation)
        or _cancelled(run)
        or _failed_fast(run)
        or _each(run, lambda job: unserved(run, job, situation.fleet, situation.policy, situation.now))
        or _going_on(run, situation)
        or _stuck(run)
        or _run_finished(run)
    )


def _after_attempts(run: Run, situation: Situation) -> list[RunEvent]:
    return [event for job in run.jobs.values() for event in after_attempt(run, job, situation.learned)]


def _each(run: Run, rule: Callable[[Job], RunEvent | None]) -> list[RunEvent]:
    return [event for job in run.jobs.values() if (event := rule(job)) is not None]


def _superseded(run: Run, situation: Situation) -> list[RunEvent]:
    event = superseded(run, situation.groups)
    return [] if event is None else [event]


def _going_on(run: Run, situation: Situation) -> list[RunEvent]:
    waits = before_run(run, situation)
    return calls_to_enter(run) or ready_jobs(run, situation) if waits is None else waits


def _cancelled(run: Run) -> list[RunEvent]:
    """As on GitHub: each job's `if` is asked again, and where it still holds (`always()`), the job goes on."""
    events: list[RunEvent] = []
    for job_id in run.planned if _cancels(run) else ():
        reason = run.cancel_reason(job_id)
        live = [job for job in run.of(job_id) if _stoppable(job) or at_gate(run, job)] if reason is not None else []
        if reason is not None and live and (reason == "timeout" or not _still_wanted(run, job_id)):
            events += [_stop(job, reason, *_ended_by(run, reason)) for job in live]
    return events


def _cancels(run: Run) -> bool:
    return run.cancel is not None or any(run.jobs[caller].cancel is not None for caller in run.calls)


def _stoppable(job: Job) -> bool:
    return job.phase == "queued" or (job.phase in ("assigned", "running") and job.cancel is None)


def _callable_off(job: Job) -> bool:
    return job.phase == "calling" and job.cancel is None


def _still_wanted(run: Run, job_id: str) -> bool:
    try:
        return job_keys.condition(run.planned[job_id], scope_of_if(run, job_id))
    except job_keys.BadKey:
        return False


def _ended_by(run: Run, reason: CancelReason) -> tuple[Result, str]:
    if reason == "timeout":
        return "timeout", "the run is over its time limit"
    return (
        "cancellation",
        run.cancel_why or "the run was cancelled" if run.cancel is not None else f"its call was cancelled ({reason})",
    )


def _stop(job: Job, reason: CancelReason, ended: Result, why: str) -> RunEvent:
    """Asks a job on a host, or the jobs that it called, to stop; ends one that has not begun."""
    if job.phase == "calling":
        return JobCancelRequested(job.key, 0, reason)
    if job.attempt is not None and job.phase in ("assigned", "running"):
        return JobCancelRequested(job.key, job.attempt.n, reason)
    return finish(job, ended, why)


def _failed_fast(run: Run) -> list[RunEvent]:
    """A matrix's job failed, and `fail-fast` ends its siblings; a `continue-on-error` job's failure is none."""
    events: list[RunEvent] = []
    for job_id, expansion in run.expansions.items():
        jobs = run.of(job_id) if expansion.fail_fast else []
        first = min((job for job in jobs if job.conclusion in FAILED), key=lambda job: job.finish, default=None)
        if first is None:
            continue
        why = f"fail-fast: {first.name} ended in {first.outcome}"
        siblings = [job for job in jobs if job.phase == "waiting" or _stoppable(job) or _callable_off(job)]
        events += [_stop(job, run.cancel or "fail-fast", "cancellation", why) for job in siblings]
    return events


def _stuck(run: Run) -> list[RunEvent]:
    """Jobs wait and none can ever become ready: a need that does not exist, or a circle. The parser refuses both."""
    waiting = [job for job in run.jobs.values() if job.phase == "waiting"]
    if any(needs_over(run, job) for job in waiting):
        return []  # it waits at a gate
    if not waiting or any(job.phase not in (*DONE, "waiting", "calling") for job in run.jobs.values()):
        return []
    return [finish(job, "error", "what it needs can never be over: the plan has a hole") for job in waiting]


def _run_finished(run: Run) -> list[RunEvent]:
    if any(job.phase not in DONE for job in run.jobs.values()):
        return []
    conclusions: list[Result] = [job.conclusion for job in run.jobs.values() if job.conclusion is not None]
    if run.cancel is not None:
        conclusions.append("timeout" if run.cancel == "timeout" else "cancellation")
    conclusion = worst(conclusions)
    steps_run = sum(job.steps_run for job in run.jobs.values())
    return [RunFinished(conclusion, run.run_attempt, steps_run, _why(run, conclusion))]


def _why(run: Run, conclusion: Result) -> str:
    if conclusion == "success":
        return _retried(run)
    if conclusion == "skip":
        return "every job was skipped"
    if conclusion == "cancellation" and run.cancel_why:
        return run.cancel_why
    guilty = [job for job in run.jobs.values() if job.conclusion == conclusion and job.key not in run.calls]
    if not guilty:
        return "the run was cancelled" if conclusion == "cancellation" else "the run is over its time limit"
    first = min(guilty, key=lambda job: job.finish)
    others = f", and {len(guilty) - 1} more" if len(guilty) > 1 else ""
    return f"{first.name} ended in {conclusion}{others}"


def _retried(run: Run) -> str:
    """A success that needed more than one attempt at a job says so."""
    flaky = [job for job in run.jobs.values() if job.retries and job.outcome == "success"]
    if not flaky:
        return ""
    first = min(flaky, key=lambda job: job.finish)
    others = f", and {len(flaky) - 1} more" if len(flaky) > 1 else ""
    return f"{first.name} {first.why}{others}"
