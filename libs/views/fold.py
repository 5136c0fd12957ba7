"""How a run's view changes with each stored event: the one place where readers interpret the log."""

from __future__ import annotations

from datetime import datetime
from typing import cast

import msgspec
from msgspec.structs import replace

from libs.contracts import attempt as of_attempt
from libs.contracts import run as of_run
from libs.contracts import subjects
from libs.contracts.attempt import AttemptEvent
from libs.contracts.envelope import Commit
from libs.contracts.ids import JobKey, called_id
from libs.contracts.plan import Plan
from libs.contracts.run import RunEvent
from libs.views import words
from libs.views.gates import at_a_gate
from libs.views.run import AttemptView, JobView, RunView, StepView
from libs.workflow.expressions import Value
from libs.workflow.matrix import display_name

_run_events = msgspec.json.Decoder(RunEvent)
_attempt_events = msgspec.json.Decoder(AttemptEvent)


def view_of(commits: list[Commit]) -> RunView | None:
    """A run from all of its commits in the order of the stream; None where there is none."""
    view: RunView | None = None
    for commit in commits:
        view = apply(view, commit)
    return view


def apply(view: RunView | None, commit: Commit) -> RunView | None:
    """Folds one commit of the run's subject, or of one of its attempts', into its view, which is changed."""
    if commit.subject.startswith("ev.run."):
        address = subjects.parse_run(commit.subject)
        view = view or RunView(address.run_id, address.owner, address.repo, commit.cause)
        for raw in commit.events:
            try:
                _on_run(view, _run_events.decode(raw), commit.time)
            except msgspec.ValidationError:
                view.unknown += 1
    elif commit.subject.startswith("ev.attempt.") and view is not None:
        address = subjects.parse_attempt(commit.subject)
        for raw in commit.events:
            try:
                event = _attempt_events.decode(raw)
            except msgspec.ValidationError:
                view.unknown += 1
                continue
            attempt = view.attempt_of(address.job, address.n)
            if attempt is not None:
                _on_attempt(view, view.jobs[address.job], attempt, event, commit.time)
    return view


def take_plan(view: RunView, plan: Plan) -> None:
    """The plan is there: with the run's first event, or fetched from its blob."""
    view.plan = plan
    for job in plan.jobs:
        view.planned_jobs[job.id] = job
        view.jobs.setdefault(JobKey(job.id), JobView(JobKey(job.id), job.id, job.name or job.id, needs=job.needs))
    for caller in view.calls:
        _take_called(view, caller)


def _take_called(view: RunView, caller: JobKey) -> None:
    """The jobs of a called workflow, where the plan that has them is at hand."""
    calling = view.planned_jobs.get(view.calls[caller])
    called = view.plan.called.get(calling.calls) if view.plan is not None and calling is not None else None
    for job in called.jobs if called is not None else ():
        job_id = called_id(caller, job.id)
        needs = tuple(called_id(caller, need) for need in job.needs)
        view.planned_jobs[job_id] = replace(job, needs=needs)
        name = f"{view.jobs[caller].name} / {job.name or job.id}"
        seen = view.jobs.setdefault(JobKey(job_id), JobView(JobKey(job_id), job_id, name, needs=needs))
        seen.caller = caller


def _on_run(view: RunView, event: RunEvent, time: datetime) -> None:
    match event:
        case of_run.RunPlanned():
            view.planned, view.plan_blob = time, event.plan_blob
            if event.plan is not None:
                take_plan(view, event.plan)
                view.tell(time, None, f"planned for `{event.plan.event}` at {event.plan.sha[:12]}")
        case of_run.RunStarted():
            view.state, view.started, view.run_attempt = "running", time, event.run_attempt
            view.tell(time, None, "started")
        case of_run.MatrixExpanded():
            waiting = view.jobs.get(JobKey(event.job_id))
            fixed = waiting.name if waiting is not None else event.job_id
            for part in event.combinations:
                view.job_of(part.job, event.job_id, display_name(fixed, cast("dict[str, Value]", part.values)))
            view.tell(time, JobKey(event.job_id), f"its matrix gives {len(event.combinations)} jobs")
        case of_run.CallExpanded():
            job = view.job_of(event.job, event.job_id, event.name)
            job.name, job.state = event.name, "calling"
            view.calls[event.job] = event.job_id
            _take_called(view, event.job)
            view.tell(time, event.job, "calls its workflow")
        case of_run.GroupRequested() | of_run.ApprovalRequested() | of_run.ApprovalGranted() | of_run.ApprovalDenied():
            at_a_gate(view, event, time)
        case of_run.JobQueued():
            _queued(view, event, time)
        case of_run.TimeoutAdjusted():
            _adjusted(view, event, time)
        case of_run.JobAssigned():
            job = view.job_of(event.job)
            job.state = "assigned"
            job.attempts.append(AttemptView(event.n, event.host, time))
            view.tell(time, event.job, f"attempt {event.n} goes to host {event.host}")
        case of_run.JobSkipped():
            job = view.job_of(event.job, event.job_id, event.name)
            job.state, job.outcome, job.conclusion, job.why, job.finished = "skipped", "skip", "skip", event.why, time
            view.tell(time, event.job, f"skipped: {event.why}")
        case of_run.JobCancelRequested():
            view.tell(time, event.job, f"is told to stop: {event.reason}")
        case of_run.JobFinished():
            _finished(view, event, time)
        case of_run.RunCancelRequested():
            told = f": {event.why}" if event.why else ""
            view.tell(time, None, f"{event.by or 'somebody'} asked to cancel it{told}")
        case of_run.RunRerun():
            _rerun(view, event, time)
        case of_run.CommandRejected():
            view.tell(time, None, f"a command was refused: {event.why}")
        case of_run.RunFinished():
            view.state, view.finished, view.conclusion = "finished", time, event.conclusion
            view.steps_run, view.why = event.steps_run, event.why
            view.tell(time, None, f"finished: {event.conclusion}" + (f" ({event.why})" if event.why else ""))


def _queued(view: RunView, event: of_run.JobQueued, time: datetime) -> None:
    job = view.job_of(event.job, event.job_id, event.name)
    job.name, job.labels, job.state, job.queued = event.name, event.labels, "queued", time
    job.outcome = job.conclusion = job.finished = None
    job.host_group = event.host_group
    job.environment, job.why, job.retries = event.environment, "", 0
    if not event.why:  # it is queued for the first time in its run attempt
        job.adjusted = None
    view.why = ""
    wants = f" for a host with {', '.join(event.labels)}" if event.labels else ""
    wants += f" in the group {event.host_group}" if event.host_group else ""
    view.tell(time, event.job, f"queued{wants}" + (f": {event.why}" if event.why else ""))


def _adjusted(view: RunView, event: of_run.TimeoutAdjusted, time: datetime) -> None:
    view.job_of(event.job).adjusted = event
    limits = f"{words.duration(event.from_ms)} to {words.duration(event.to_ms)}"
    view.tell(time, event.job, f"its time limit goes from {limits}: learned from {event.evidence.n} successes")


def _finished(view: RunView, event: of_run.JobFinished, time: datetime) -> None:
    job = view.job_of(event.job, event.job_id, event.name)
    job.state, job.finished, job.name = "finished", time, event.name
    job.outcome, job.conclusion, job.why, job.outputs = event.outcome, event.conclusion, event.why, event.outputs
    job.retries = event.retries
    softened = f" (counts as {event.conclusion})" if event.conclusion != event.outcome else ""
    view.tell(time, event.job, f"{event.outcome}{softened}" + (f": {event.why}" if event.why else ""))


def _rerun(view: RunView, event: of_run.RunRerun, time: datetime) -> None:
    view.state, view.run_attempt, view.conclusion, view.finished = "running", event.run_attempt, None, None
    view.tell(time, None, f"run attempt {event.run_attempt}: {event.by or 'somebody'} asked for {len(event.jobs)} jobs")
    kept = {job.caller for job in view.jobs.values() if job.key not in event.jobs}
    for key in event.jobs:
        if (job := view.jobs.get(key)) is not None:
            job.state = "calling" if key in view.calls and key in kept else "waiting"
            job.outcome, job.conclusion, job.finished, job.why = None, None, None, ""
    view.groups.clear()


def _on_attempt(view: RunView, job: JobView, attempt: AttemptView, event: AttemptEvent, time: datetime) -> None:
    match event:
        case of_attempt.AttemptStarted():
            attempt.started, attempt.driver = time, event.driver
            job.state = "running"
            view.tell(time, job.key, f"host {event.host} took attempt {event.n} (driver {event.driver})")
        case of_attempt.AttemptRefused():
            attempt.finished, attempt.why = time, f"refused: {event.why}"
            view.tell(time, job.key, f"host {attempt.host} refused attempt {attempt.n}: {event.why}")
        case of_attempt.VmReady():
            attempt.phases_ms = event.phases_ms
        case of_attempt.StepStarted():
            attempt.steps[event.step] = StepView(event.step, event.name, "running", started=time)
        case of_attempt.StepFinished():
            _step_finished(view, job, attempt, event, time)
        case of_attempt.AttemptFinished():
            attempt.finished, attempt.conclusion, attempt.why = time, event.conclusion, event.why
            attempt.log, attempt.lines, attempt.duration_ms = event.log, event.lines, event.duration_ms
            job.environment_url = event.environment_url
        case of_attempt.AttemptLost():
            attempt.finished, attempt.why = time, f"lost: {event.why}"
            view.tell(time, job.key, f"attempt {attempt.n} is lost: {event.why}")


def _step_finished(
    view: RunView, job: JobView, attempt: AttemptView, event: of_attempt.StepFinished, time: datetime
) -> None:
    step = attempt.steps.setdefault(event.step, StepView(event.step, event.name))
    step.name, step.state = event.name, "finished"
    step.outcome, step.conclusion, step.exit_code = event.outcome, event.conclusion, event.exit_code
    step.duration_ms, step.why = event.duration_ms, event.why
    step.first_line, step.lines = event.first_line, event.lines
    step.annotations, step.summary, step.category = event.annotations, event.summary, event.category
    if event.outcome not in ("success", "skip"):
        code = f" with exit code {event.exit_code}" if event.exit_code is not None else ""
        why = f": {event.why}" if event.why else ""
        softened = " (continue-on-error)" if event.conclusion == "success" else ""
        view.tell(time, job.key, f"step {event.step + 1} `{event.name}`: {event.outcome}{code}{why}{softened}")
