"""What is known of a job of a run besides its own events, in sentences: for `firebreak why` and the console. Pure."""

from __future__ import annotations

from datetime import datetime

from libs.contracts.advice import DurationAdvice, FlakyAdvice
from libs.views.advice import limited
from libs.views.insights import Insights, StepOf
from libs.views.run import JobView, RunView
from libs.views.words import Quote, duration

SLOW = 1.5
"""Times the expected duration: half as long again is more than the usual spread of a job (a seventh)."""


def known_of(view: RunView, job: JobView, insights: Insights, now: datetime, quote: Quote) -> list[str]:
    """One sentence a thing that is known; each begins with what it is about."""
    path = view.plan.workflow_path if view.plan is not None else ""
    limit = [f"{job.key} {limited(job.adjusted)}"] if job.adjusted is not None else []
    return [*_failed(job, insights, now, quote), *_retried(job), *limit, *_usually(job, path, insights, quote)]


def _failed(job: JobView, insights: Insights, now: datetime, quote: Quote) -> list[str]:
    last = job.last
    if last is None:
        return []
    told: list[str] = []
    for step in sorted(last.steps.values(), key=lambda step: step.index):
        if step.outcome not in ("success", "skip", None):
            said = insights.of_step(StepOf(job.key, last.n, step.index), step.category, now, quote)
            told += [f"{job.key}, step {step.index + 1} {quote(step.name)}: {said}"] if said else []
    return told


def _retried(job: JobView) -> list[str]:
    return [f"{job.key} {job.why}"] if job.retries and job.why else []


def _usually(job: JobView, path: str, insights: Insights, quote: Quote) -> list[str]:
    told: list[str] = []
    for piece in insights.of_workflow(path):
        match piece.advice:
            case DurationAdvice(job=key, expected_ms=usual, n=n) if key == job.key:
                took = job.last.duration_ms if job.last is not None else 0
                if took > SLOW * usual:
                    told.append(f"{job.key} took {duration(took)}, usually {duration(usual)} (median of {n})")
                elif job.state in ("queued", "waiting"):
                    order = "; it failed the last time, so it goes first" if piece.advice.failed_lately else ""
                    told.append(f"{job.key} is expected to take {duration(usual)}: longer ones go first{order}")
            case FlakyAdvice(job=key, state="flaky", step=step) if key == job.key and job.outcome == "failure":
                what = f"its step {quote(step)}" if step else "it"
                told.append(f"{job.key} is known to be flaky: {what} passed and failed at the same commit before")
            case _:
                pass
    return told
