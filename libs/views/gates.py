"""What a run's log says of its gates, for people: what a job or the run waits for, and who let it in or kept it out."""

from __future__ import annotations

from datetime import datetime

from libs.contracts.run import ApprovalDenied, ApprovalGranted, ApprovalRequested, GroupRequested
from libs.views.run import RunView


def at_a_gate(
    view: RunView, event: GroupRequested | ApprovalRequested | ApprovalGranted | ApprovalDenied, time: datetime
) -> None:
    match event:
        case GroupRequested():
            _waits(view, event, time)
        case ApprovalRequested():
            job = view.job_of(event.job)
            job.environment, job.why = event.environment, _asked_for(event)
            view.tell(time, event.job, job.why)
        case ApprovalGranted() | ApprovalDenied():
            word = "approved" if isinstance(event, ApprovalGranted) else "did not approve"
            said = f": {event.comment}" if event.comment else ""
            for key in event.jobs:
                view.job_of(key).why = ""
                view.tell(time, key, f"{event.by} {word} it for the environment {event.environment}{said}")


def _waits(view: RunView, event: GroupRequested, time: datetime) -> None:
    why = f"waits for the concurrency group {event.group}"
    view.groups[event.job] = event.group
    if not event.job:
        view.why = why
        view.tell(time, None, why)
        return
    view.job_of(event.job).why = why
    view.tell(time, event.job, ("the workflow that it calls " if event.called else "") + why)


def _asked_for(event: ApprovalRequested) -> str:
    where = f"the environment {event.environment}"
    minutes = f"{event.wait_minutes} minute" + ("" if event.wait_minutes == 1 else "s")
    if not event.reviewers:
        return f"waits {minutes}, as {where} asks"
    waits = f", and {minutes} have to pass" if event.wait_minutes else ""
    return f"waits for an approval for {where} by {' or '.join(event.reviewers)}{waits}"
