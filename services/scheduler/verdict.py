"""How an attempt ended: from the recorded `StepFinished` events, one for every planned step, and from nothing else.

What the agent says of the whole can make it worse and never better.
"""

from __future__ import annotations

import msgspec

from libs.contracts.plan import PlannedJob
from libs.contracts.results import Result, worst
from services.scheduler.limits import over_limit
from services.scheduler.run_state import Attempt, Job


class Verdict(msgspec.Struct, frozen=True):
    """`again`: the error may be tried again in a fresh sandbox. A record with a hole may not: its steps did run."""

    outcome: Result
    why: str = ""
    again: bool = False


def verdict_of(planned: PlannedJob, job: Job, attempt: Attempt) -> Verdict:
    """Of an attempt that finished. A request to stop that came before it did is answered first."""
    if job.cancel == "timeout":
        return Verdict("timeout", over_limit(job))
    if attempt.conclusion == "error":
        return Verdict("error", attempt.why or "the host reports an error and no reason", again=True)
    flaw = attempt.flaw or _hole(planned, attempt)
    if flaw:
        return Verdict("error", flaw)
    steps = worst([_of_step(step.conclusion) for step in attempt.steps.values()])
    if steps == "error":
        return Verdict("error", attempt.why or _why(attempt, "error"), again=True)
    outcome = worst(["success", steps, attempt.conclusion or "success"])
    if job.cancel is not None and any(step.outcome == "cancellation" for step in attempt.steps.values()):
        outcome = "cancellation"
    if outcome == "success":
        return Verdict("success")
    return Verdict(outcome, attempt.why or _why(attempt, outcome))


def _hole(planned: PlannedJob, attempt: Attempt) -> str:
    """The first step without an outcome, the first outcome without a step; empty where the record is whole."""
    if not planned.steps:
        return "the plan of this job has no steps: nothing can have succeeded"
    for step in planned.steps:
        if step.index not in attempt.steps:
            return f"step {step.index + 1} ({step.name or step.id or step.uses or 'run'}) has no recorded outcome"
    known = {step.index for step in planned.steps}
    planned_parts = (index for index, step in attempt.steps.items() if step.part == "main")
    strange = next((index for index in planned_parts if index not in known), None)
    return "" if strange is None else f"an outcome is recorded for step {strange + 1}, and the plan has none"


def _of_step(conclusion: Result) -> Result:
    """A step at its own time limit failed; a job at its limit is another matter."""
    return "failure" if conclusion == "timeout" else conclusion


def _why(attempt: Attempt, outcome: Result) -> str:
    guilty = [(index, step) for index, step in sorted(attempt.steps.items()) if _of_step(step.conclusion) == outcome]
    if not guilty:
        return ""
    index, step = guilty[0]
    where = f"step {index + 1} ({step.name})" if step.part == "main" else f"'{step.name}'"
    return f"{where} ended in {outcome}" + (f": {step.why}" if step.why else "")
