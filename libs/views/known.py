"""What is known of a job of a run besides its own events, in sentences: for `firebreak why` and the console. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libs.contracts.advice import DurationAdvice, FlakyAdvice
from libs.views.insights import Insights, StepOf
from libs.views.listing import counted
from libs.views.recognition import seen_before
from libs.views.run import JobView, RunView
from libs.views.triage import category_words, model_words
from libs.views.words import duration

Quote = Callable[[str], str]
SLOW = 1.5
"""Times the expected duration: half as long again is more than the usual spread of a job (a seventh)."""


def known_of(view: RunView, job: JobView, insights: Insights, now: datetime, quote: Quote) -> list[str]:
    """One sentence a thing that is known; each begins with what it is about."""
    last = job.last
    steps = sorted(last.steps.values(), key=lambda step: step.index) if last is not None else []
    told: list[str] = []
    for step in steps:
        if last is not None and step.outcome not in ("success", "skip", None):
            at = StepOf(job.key, last.n, step.index)
            seen, triage = insights.recognized.get(at), insights.triages.get(at)
            parts = [
                category_words(step.category),
                seen_before(seen, now, quote) if seen is not None else "",
                model_words(triage, quote) if triage is not None else "",
            ]
            if any(parts):
                told.append(f"{job.key}, step {step.index + 1} {quote(step.name)}: {'; '.join(filter(None, parts))}")
    path = view.plan.workflow_path if view.plan is not None else ""
    return [*told, *_retried(job), *_limited(job), *_usually(job, path, insights, quote)]


def _retried(job: JobView) -> list[str]:
    return [f"{job.key} {job.why}"] if job.retries and job.why else []


def _limited(job: JobView) -> list[str]:
    if job.adjusted is None:
        return []
    limits = f"{duration(job.adjusted.to_ms)} instead of {duration(job.adjusted.from_ms)}"
    why = job.adjusted.evidence
    longest = f"the longest of {counted(why.n, 'success', 'successes')} took {duration(why.longest_ms)}"
    kills = f", doubled after it ended {counted(why.kills, 'job')}" if why.kills else ""
    return [f"{job.key} had a time limit of {limits}: {longest}{kills}"]


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
