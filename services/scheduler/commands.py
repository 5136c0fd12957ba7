"""What a command from outside comes to: `decide(command, state)` for a run. The same command twice decides once.

Which jobs a rerun takes is GitHub's rule: those named or failed, and everything that needs them.
"""

from __future__ import annotations

from libs.contracts.commands import ApproveJob, CancelRun, RerunRun, RunCommand
from libs.contracts.ids import CommandId, JobKey
from libs.contracts.results import Result
from libs.contracts.run import CommandRejected, JobCancelRequested, RunCancelRequested, RunEvent, RunRerun
from libs.contracts.timers import JobDeadline, RunDeadline, RunTimer, WaitOver
from services.scheduler.gates.approvals import decide_approval
from services.scheduler.policy import MAX_RUN_ATTEMPTS
from services.scheduler.run_state import ON_A_HOST, Job, Run

SUCCEEDED: frozenset[Result] = frozenset({"success", "skip"})


def decide_command(run: Run, command: RunCommand) -> list[RunEvent]:
    """The event that answers the command; none where it was answered before."""
    if command.id in run.commands:
        return []
    match command:
        case CancelRun():
            return [_cancel(run, command)]
        case RerunRun():
            return [_rerun(run, command)]
        case ApproveJob():
            return list(decide_approval(run, command))


def decide_timer(run: Run, timer: RunTimer) -> list[RunEvent]:
    """What a deadline that fired comes to; nothing where its job or run attempt is over."""
    match timer:
        case JobDeadline():
            job = run.jobs.get(timer.job)
            if job is None or job.attempt is None or job.phase not in ON_A_HOST or job.cancel == "timeout":
                return []
            return [JobCancelRequested(job.key, job.attempt.n, "timeout")] if job.attempt.n == timer.n else []
        case RunDeadline():
            if run.over or run.run_attempt != timer.run_attempt or run.cancel == "timeout":
                return []
            command = CommandId(f"deadline-{run.id}-{run.run_attempt}")
            return [RunCancelRequested(command, "firebreak", "timeout")]
        case WaitOver():
            return []  # it only makes the decider look: what follows from the time it says by itself


def _cancel(run: Run, command: CancelRun) -> RunEvent:
    if run.over:
        return CommandRejected(command.id, f"nothing to cancel: the run is over ({run.conclusion})")
    if run.cancel is not None:
        return CommandRejected(command.id, f"the run is being stopped already ({run.cancel})")
    return RunCancelRequested(command.id, command.by)


def _rerun(run: Run, command: RerunRun) -> RunEvent:
    if not run.over:
        return CommandRejected(command.id, "the run is not over yet: cancel it first, or wait")
    if run.run_attempt >= MAX_RUN_ATTEMPTS:
        return CommandRejected(command.id, f"the run was run {run.run_attempt} times, and that is the limit")
    unknown = [name for name in command.jobs if not _named(run, name)]
    if unknown:
        return CommandRejected(command.id, f"the run has no job {', '.join(unknown)}; it has {', '.join(run.jobs)}")
    jobs = _jobs_of_rerun(run, command)
    if not jobs:
        return CommandRejected(command.id, "no job failed: there is nothing to rerun")
    return RunRerun(command.id, command.by, run.run_attempt + 1, jobs)


def _jobs_of_rerun(run: Run, command: RerunRun) -> tuple[JobKey, ...]:
    """In the plan's order, with all that has to run again because of them."""
    if command.jobs:
        chosen = {key for name in command.jobs for key in _named(run, name)}
    elif command.failed:
        chosen = {job.key for job in run.jobs.values() if job.outcome not in SUCCEEDED and not _failed_inside(run, job)}
    else:
        return tuple(run.jobs)
    again = _with_dependents(run, chosen)
    return tuple(key for key in run.jobs if key in again)


def _failed_inside(run: Run, job: Job) -> bool:
    """A call that failed because of its jobs: these run again, and the call goes on."""
    return any(each.outcome not in SUCCEEDED for each in run.called_by(job.key))


def _with_dependents(run: Run, chosen: set[JobKey]) -> set[JobKey]:
    """1. All that needs one of them. 2. All that one of them called, or that a dependent did. 3. The calls that led to
    one of them, which are not over before it is, and what needs these.
    """
    again: set[JobKey] = set()
    callers: set[JobKey] = set()
    pending = list(chosen)
    while pending:
        key = pending.pop()
        if key in again:
            continue
        again.add(key)
        mine = run.jobs[key].job_id
        pending += [job.key for job in run.jobs.values() if mine in run.ancestors[job.job_id]]
        pending += [job.key for job in run.called_by(key)]
        caller = run.callers.get(mine)
        while caller is not None and caller not in callers:
            callers.add(caller)
            above = run.jobs[caller].job_id
            pending += [job.key for job in run.jobs.values() if above in run.ancestors[job.job_id]]
            caller = run.callers.get(above)
    return again | callers


def _named(run: Run, name: str) -> list[JobKey]:
    """A job by its key, all that one job of the workflow file became by its id, or those that are shown by a name."""
    if name in run.planned:
        return [job.key for job in run.of(name)]
    if name in run.jobs:
        return [JobKey(name)]
    return [job.key for job in run.jobs.values() if job.name == name]
