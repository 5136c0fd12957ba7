"""The gates in their order: the run's own group, then of each job its environment and after that its group.

Asked by the decider for what could go on otherwise. It evaluates each key once: what was asked is in the run's log.
"""

from __future__ import annotations

from libs.contracts.group import Member
from libs.contracts.ids import JobKey
from libs.contracts.plan import Concurrency
from libs.contracts.results import Result
from libs.contracts.run import CallExpanded, GroupRequested, JobCancelRequested, RunEvent
from libs.workflow.expressions import Scope
from services.scheduler.contexts import scope_of_if, scope_of_job, scope_of_workflow
from services.scheduler.ending import finish
from services.scheduler.gates.concurrency import (
    deadlock,
    group_subject,
    holds,
    is_holder,
    member_of,
    ousted,
    part_of,
    request_of,
)
from services.scheduler.gates.environments import protected
from services.scheduler.job_keys import BadKey
from services.scheduler.run_state import DONE, Job, Run
from services.scheduler.situation import Situation


def before_run(run: Run, situation: Situation) -> list[RunEvent] | None:
    """None where the run may go on; else what is to be said, which is nothing while it waits."""
    concurrency = run.plan.concurrency
    if concurrency is None:
        return None
    member = member_of(run)
    if member not in run.requests:
        try:
            return [request_of(run, member, concurrency, scope_of_workflow(run, run.plan.inputs))]
        except BadKey as error:
            return [finish(job, "failure", str(error)) for job in run.jobs.values() if job.phase == "waiting"]
    if is_holder(run, member, situation.groups):
        return None
    if run.cancel is None or group_subject(run, run.requests[member].group) not in situation.groups:
        return []
    why = run.cancel_why or "the run was cancelled before it began"
    outcome: Result = "timeout" if run.cancel == "timeout" else "cancellation"
    return [finish(job, outcome, why) for job in run.jobs.values() if job.phase == "waiting"]


def before_job(run: Run, job: Job, scope: Scope, situation: Situation) -> list[RunEvent] | None:
    """The same for a job whose needs are over and whose `if` holds."""
    try:
        waits = protected(run, job, scope, situation)
        return waits if waits is not None else _in_its_group(run, job, scope, situation)
    except BadKey as error:
        return [finish(job, "failure", str(error))]


def _in_its_group(run: Run, job: Job, scope: Scope, situation: Situation) -> list[RunEvent] | None:
    planned = run.planned[job.job_id]
    return _in_group(run, member_of(run, job.key), planned.concurrency, scope, situation)


def before_called(run: Run, call: CallExpanded, situation: Situation) -> list[RunEvent] | None:
    """The same for the workflow that a job is about to call."""
    member = member_of(run, call.job, called=True)
    try:
        return _in_group(run, member, _called(run, call.job), scope_of_workflow(run, call.inputs), situation)
    except BadKey as error:
        return [finish(run.jobs[call.job], "failure", str(error))]


def calls_to_enter(run: Run) -> list[RunEvent]:
    """What calls have yet to ask that go on in a rerun, where only a part of them runs again: they hold nothing."""
    events: list[RunEvent] = []
    for key, call in run.calls.items():
        if run.jobs[key].phase == "calling":
            members = _members_of_call(run, key)
            scopes = (_scope_of(run, run.jobs[key]), scope_of_workflow(run, call.inputs))
            try:
                events += [
                    request_of(run, member, concurrency, scopes[member.called])
                    for member, concurrency in members
                    if member not in run.requests
                ]
            except BadKey:  # it could be evaluated when the call was made; what it needs has changed since then
                events += [JobCancelRequested(key, 0, "cancelled")] if run.jobs[key].cancel is None else []
    return events


def shut_out(run: Run, job_id: str, situation: Situation) -> bool:
    """Whether a call that led to this job waits for a group."""
    caller = run.caller_of(job_id)
    if caller is None:
        return False
    waits = [
        member
        for member, _ in _members_of_call(run, caller.key)
        if member not in run.requests or not is_holder(run, member, situation.groups)
    ]
    return bool(waits) or shut_out(run, caller.job_id, situation)


def kept_out(run: Run, job_id: str, jobs: list[Job], situation: Situation) -> list[RunEvent]:
    """The ends of jobs that are shut out, where the run or the call was cancelled meanwhile: they never began."""
    asked = [run.requests[member].group for member in part_of(run, job_id) if member in run.requests]
    known = all(group_subject(run, group) in situation.groups for group in asked)
    if run.cancel_reason(job_id) is None or not known:
        return []
    return [finish(job, "cancellation", run.cancel_why or "it was cancelled before it began") for job in jobs]


def _members_of_call(run: Run, key: JobKey) -> list[tuple[Member, Concurrency]]:
    """The call of a job may be in a group as that job, and as the workflow that it calls."""
    own, called = run.planned[run.jobs[key].job_id].concurrency, _called(run, key)
    members = ((member_of(run, key), own), (member_of(run, key, called=True), called))
    return [(member, concurrency) for member, concurrency in members if concurrency is not None]


def _called(run: Run, key: JobKey) -> Concurrency | None:
    called = run.plan.called.get(run.planned[run.jobs[key].job_id].calls)
    return None if called is None else called.concurrency


def _scope_of(run: Run, job: Job) -> Scope:
    return scope_of_job(scope_of_if(run, job.job_id), run, job)


def _in_group(
    run: Run, member: Member, concurrency: Concurrency | None, scope: Scope, situation: Situation
) -> list[RunEvent] | None:
    """Raises BadKey."""
    if concurrency is None:
        return None
    if member in run.requests:
        return None if holds(run, member, situation.groups) else []
    wanted = request_of(run, member, concurrency, scope)
    return [_asked(run, run.jobs[member.job], wanted)]


def _asked(run: Run, job: Job, wanted: GroupRequested) -> RunEvent:
    why = deadlock(run, wanted)
    return finish(job, "failure", why) if why else wanted


def put_out(run: Run, situation: Situation) -> list[RunEvent]:
    """The ends of this run's jobs that others have superseded in their group."""
    events: list[RunEvent] = []
    for key, why in {member.job: why for member, why in ousted(run, situation.groups)}.items():
        job = run.jobs.get(key)
        if job is None or job.phase in DONE or job.phase == "ended":
            continue
        if job.phase in ("waiting", "queued"):
            events.append(finish(job, "cancellation", why))
        elif job.cancel is None:
            events.append(JobCancelRequested(key, job.attempt.n if job.attempt is not None else 0, "superseded"))
    return events
