"""What a reviewer's word comes to: it counts for all jobs of the run that wait for that environment.

Who speaks is said by whoever may send commands; whether they may approve is decided here, from the run's own log.
"""

from __future__ import annotations

from libs.contracts.commands import ApproveJob
from libs.contracts.run import ApprovalDenied, ApprovalGranted, CommandRejected
from services.scheduler.gates.environments import awaits_review, held_in
from services.scheduler.run_state import Hold, Job, Run


def decide_approval(run: Run, command: ApproveJob) -> list[ApprovalGranted | ApprovalDenied | CommandRejected]:
    """One event an environment; a refusal is the only answer, then."""
    if run.over:
        return [CommandRejected(command.id, f"nothing to approve: the run is over ({run.conclusion})")]
    waiting = [job for job in run.jobs.values() if awaits_review(job)]
    asked = [job for job in waiting if _meant(job, command)]
    if not asked:
        return [CommandRejected(command.id, _nothing(waiting))]
    holds = {job.hold.environment.lower(): job.hold for job in asked if job.hold is not None}
    for hold in holds.values():
        refused = _refused(run, hold, command.by)
        if refused:
            return [CommandRejected(command.id, refused)]
    kind = ApprovalDenied if command.reject else ApprovalGranted
    return [
        kind(command.id, hold.environment, held_in(run, hold.environment), command.by, command.comment)
        for hold in holds.values()
    ]


def _meant(job: Job, command: ApproveJob) -> bool:
    assert job.hold is not None
    if command.environment and job.hold.environment.lower() != command.environment.lower():
        return False
    return not command.job or command.job in (job.key, job.job_id)


def _nothing(waiting: list[Job]) -> str:
    if not waiting:
        return "nothing of this run waits for an approval"
    names = sorted({job.hold.environment for job in waiting if job.hold is not None})
    return f"nothing like that waits for an approval; there waits: {', '.join(names)}"


def _refused(run: Run, hold: Hold, by: str) -> str:
    if by.lower() not in {reviewer.lower() for reviewer in hold.reviewers}:
        return f"{by or 'somebody'} is no reviewer of {hold.environment}; its reviewers are {', '.join(hold.reviewers)}"
    started_by = run.rerun_by or run.plan.actor
    if hold.prevent_self_review and by.lower() == started_by.lower():
        return f"{by} started the run, and {hold.environment} does not let who did approve it"
    return ""
