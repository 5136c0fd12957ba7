"""How states, times and durations read on a page: always a word beside the mark, never colour alone."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from libs.contracts.results import Result
from libs.views.run import AttemptView, JobView, RunView, StepView
from libs.views.words import MARKS, between, duration
from services.console.rows import RunRow

__all__ = ["attempt_badge", "badge", "between", "clock", "duration", "outcome", "step_title"]

SAID: dict[Result, str] = {
    "success": "succeeded",
    "failure": "failed",
    "error": "error",
    "timeout": "timed out",
    "cancellation": "cancelled",
    "skip": "skipped",
}
STATES = {
    "planned": "planned",
    "waiting": "waiting",
    "pending": "pending",
    "calling": "running",
    "queued": "queued",
    "assigned": "starting",
    "running": "running",
    "finished": "finished",
    "skipped": "skipped",
}
_STATE_MARKS = {"running": "●", "assigned": "●", "calling": "●"}
_STILL = "○"


class Badge(NamedTuple):
    """`kind` names the style."""

    mark: str
    word: str
    kind: str


def badge(thing: RunRow | RunView | JobView | StepView) -> Badge:
    """How it ended, or how far it is."""
    if thing.conclusion is not None:
        return Badge(MARKS[thing.conclusion], SAID[thing.conclusion], thing.conclusion)
    state = thing.state
    return Badge(_STATE_MARKS.get(state, _STILL), STATES[state], "running" if state in _STATE_MARKS else "waiting")


def outcome(result: Result) -> Badge:
    return Badge(MARKS[result], SAID[result], result)


def attempt_badge(attempt: AttemptView) -> Badge:
    """A lost or refused attempt has ended and has no conclusion of its own."""
    if attempt.conclusion is not None:
        return outcome(attempt.conclusion)
    if attempt.over:
        return Badge(MARKS["error"], attempt.why.partition(":")[0] or "over", "error")
    state = "running" if attempt.started is not None else "assigned"
    return Badge(_STATE_MARKS[state], STATES[state], "running")


def clock(time: datetime | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""


def step_title(step: int, attempt: AttemptView | None) -> str:
    """A heading in a log. Step -1 is Firebreak's own word."""
    if step < 0:
        return "Firebreak"
    known = attempt.steps.get(step) if attempt is not None else None
    return known.name if known is not None and known.name else f"Step {step + 1}"
