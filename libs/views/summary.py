"""A run as JSON for scripts: of the command line and of the console; names here are part of their contract."""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.contracts.attempt import Annotation
from libs.contracts.results import Result
from libs.views.run import JobView, RunView, StepView


class StepSummary(msgspec.Struct):
    step: int
    name: str
    state: str
    outcome: Result | None
    conclusion: Result | None
    exit_code: int | None
    duration_ms: float
    why: str
    annotations: tuple[Annotation, ...] = ()
    summary_bytes: int = 0
    """Of what it wrote to `$GITHUB_STEP_SUMMARY`; `firebreak runs summary` prints it."""


class JobSummary(msgspec.Struct):
    key: str
    id: str
    name: str
    state: str
    outcome: Result | None
    conclusion: Result | None
    why: str
    attempts: int
    host: str | None
    outputs: dict[str, str]
    steps: list[StepSummary]
    environment: str = ""
    environment_url: str = ""


class RunSummary(msgspec.Struct):
    """Times are RFC 3339 in UTC; `conclusion` is null until the run is over."""

    run_id: int
    run_attempt: int
    run_number: int
    repository: str
    workflow: str
    path: str
    event: str
    sha: str
    ref: str
    state: str
    conclusion: Result | None
    why: str
    planned: datetime | None
    started: datetime | None
    finished: datetime | None
    cause: str
    jobs: list[JobSummary]


def summary(view: RunView) -> RunSummary:
    plan = view.plan
    return RunSummary(
        run_id=view.run_id,
        run_attempt=view.run_attempt,
        run_number=plan.run_number if plan else 0,
        repository=view.repository,
        workflow=view.workflow,
        path=plan.workflow_path if plan else "",
        event=plan.event if plan else "",
        sha=plan.sha if plan else "",
        ref=plan.ref if plan else "",
        state=view.state,
        conclusion=view.conclusion,
        why=view.why,
        planned=view.planned,
        started=view.started,
        finished=view.finished,
        cause=view.cause,
        jobs=[_job(job) for job in view.in_order()],
    )


def _job(job: JobView) -> JobSummary:
    last = job.last
    steps = sorted(last.steps.values(), key=lambda step: step.index) if last else []
    return JobSummary(
        key=job.key,
        id=job.job_id,
        name=job.name,
        state=job.state,
        outcome=job.outcome,
        conclusion=job.conclusion,
        why=job.why,
        attempts=len(job.attempts),
        host=last.host if last else None,
        outputs=job.outputs,
        steps=[_step(step) for step in steps],
        environment=job.environment,
        environment_url=job.environment_url,
    )


def _step(step: StepView) -> StepSummary:
    return StepSummary(
        step=step.index,
        name=step.name,
        state=step.state,
        outcome=step.outcome,
        conclusion=step.conclusion,
        exit_code=step.exit_code,
        duration_ms=step.duration_ms,
        why=step.why,
        annotations=step.annotations,
        summary_bytes=step.summary.size if step.summary else 0,
    )
