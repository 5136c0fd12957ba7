"""Jobs whose needs are over: skipped and why, expanded to their matrix, or queued with their keys evaluated."""

from __future__ import annotations

from libs.contracts.run import CallExpanded, JobQueued, JobSkipped, MatrixExpanded, RunEvent
from libs.workflow.expressions import Scope, parse_condition, uses_status_function
from services.scheduler import calls, job_keys
from services.scheduler.contexts import scope_of_if, scope_of_job
from services.scheduler.ending import finish, told
from services.scheduler.gates.environments import environment_of
from services.scheduler.gates.passage import before_called, before_job, kept_out, shut_out
from services.scheduler.job_keys import BadKey
from services.scheduler.learned import Learned
from services.scheduler.limits import with_limit
from services.scheduler.run_state import DONE, Job, Run, below
from services.scheduler.situation import Situation


def ready_jobs(run: Run, situation: Situation) -> list[RunEvent]:
    """What becomes of every job that waits and whose needs are over; of one that waits at a gate, nothing."""
    events: list[RunEvent] = []
    for job_id in run.planned:
        waiting = [job for job in run.of(job_id) if job.phase == "waiting"]
        if not waiting or not all(_over(run, need) for need in run.needs[job_id]):
            continue
        if shut_out(run, job_id, situation):
            events += kept_out(run, job_id, waiting, situation)
        else:
            events += _decided(run, job_id, waiting, situation)
    return events


def needs_over(run: Run, job: Job) -> bool:
    return all(_over(run, need) for need in run.needs[job.job_id])


def _over(run: Run, need: str) -> bool:
    return need in run.planned and all(job.phase in DONE for job in run.of(need))


def _decided(run: Run, job_id: str, waiting: list[Job], situation: Situation) -> list[RunEvent]:
    planned = run.planned[job_id]
    scope = scope_of_if(run, job_id)
    try:
        if not job_keys.condition(planned, scope):
            why = told(_why_skipped(run, job_id, scope))
            return [JobSkipped(job.key, job_id, job.name, why) for job in waiting]
        if planned.strategy is not None and planned.strategy.matrix is not None and job_id not in run.expansions:
            expanded = job_keys.expanded(planned, scope, job_id, run.plan.matrix_filter)
            if not expanded.combinations:
                return [
                    JobSkipped(job.key, job_id, job.name, "no combination of its matrix is asked for")
                    for job in waiting
                ]
            return [MatrixExpanded(job_id, expanded.combinations, expanded.fail_fast, expanded.max_parallel)]
    except BadKey as error:
        return [finish(job, "failure", str(error)) for job in waiting]
    if planned.uses is not None:
        return _calls(run, waiting, scope, situation)
    return [event for job in waiting for event in _going_on(run, job, scope, situation)]


def _calls(run: Run, waiting: list[Job], shared: Scope, situation: Situation) -> list[RunEvent]:
    """As many as `max-parallel` leaves room for. One that waits at a gate keeps no other from going on."""
    events: list[RunEvent] = []
    room = calls.room(run, waiting[0].job_id)
    for job in waiting:
        if room is not None and room <= 0:
            break
        scope = scope_of_job(shared, run, job)
        said = before_job(run, job, scope, situation)
        if said is None:
            event = calls.calling(run, job, scope, sum(isinstance(event, CallExpanded) for event in events))
            waits = before_called(run, event, situation) if isinstance(event, CallExpanded) else None
            said = [*(waits if waits is not None else (event,))]
        began = any(isinstance(event, CallExpanded) for event in said)
        room = room - 1 if room is not None and began else room
        events += said
    return events


def _going_on(run: Run, job: Job, shared: Scope, situation: Situation) -> list[RunEvent]:
    said = before_job(run, job, scope_of_job(shared, run, job), situation)
    return _queued(run, job, shared, situation.learned) if said is None else said


def _queued(run: Run, job: Job, scope: Scope, learned: Learned) -> list[RunEvent]:
    planned, mine = run.planned[job.job_id], scope_of_job(scope, run, job)
    try:
        ready = job_keys.ready(planned, mine)
        environment = environment_of(planned, mine)
    except BadKey as error:
        return [finish(job, "failure", str(error))]
    queued = JobQueued(
        job=job.key,
        job_id=job.job_id,
        name=below(run.caller_of(job.job_id), ready.name),
        labels=ready.labels,
        host_group=ready.host_group,
        timeout_ms=ready.timeout_ms,
        continue_on_error=ready.continue_on_error,
        cancel_timeout_ms=ready.cancel_timeout_ms,
        run_attempt=run.run_attempt,
        environment=environment,
    )
    return with_limit(run, queued, learned)


def _why_skipped(run: Run, job_id: str, scope: Scope) -> str:
    """The nearest reason: the run's cancellation, what it needs, or its own `if`."""
    text = run.planned[job_id].if_ or ""
    shown = text if len(text) <= job_keys.MAX_WHY_CHARACTERS else text[: job_keys.MAX_WHY_CHARACTERS] + "..."
    implicit = not text or not uses_status_function(parse_condition(text))
    if implicit and run.cancel is not None:
        return "the run was cancelled"
    if implicit and run.cancel_reason(job_id) is not None:
        return "the call of its workflow was cancelled"
    if implicit and not scope.status.success:
        return "it needs " + ", ".join(_obstacles(run, job_id))
    return f"its `if` is false: {shown}"


def _obstacles(run: Run, job_id: str) -> list[str]:
    words = {"skip": "was skipped", "failure": "failed", "cancellation": "was cancelled", "timeout": "timed out"}
    found: list[str] = []
    for ancestor in run.ancestors[job_id]:
        result = run.result_of(ancestor) if ancestor in run.planned else None
        if result not in (None, "success"):
            found.append(f"{run.planned[ancestor].id}, which {words.get(result, 'ended in ' + result)}")
    return found
