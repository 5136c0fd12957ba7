"""Jobs that are known to be flaky: whether a failure is worth another attempt, and how that is told.

Another attempt is a fresh sandbox and a number of its own; no step runs twice within one attempt. That it took more
than one is in the verdict, always: a success that hides it would teach people to trust a test that lies.
"""

from __future__ import annotations

from libs.contracts.advice import FlakyAdvice
from libs.contracts.results import Result
from services.scheduler.learned import JobAt, Learned, may_act
from services.scheduler.run_state import Attempt, Job, Run


def known_flaky(run: Run, job: Job, attempt: Attempt, learned: Learned) -> FlakyAdvice | None:
    """The advice by which an attempt that ended in `failure` is followed by another one; None where none is."""
    if job.retries >= learned.retries or not may_act(run.plan):
        return None
    if job.cancel is not None or run.cancel_reason(job.job_id) is not None:
        return None
    failed = _failed_step(attempt)
    known = learned.flaky.get(JobAt(run.plan.workflow_path, job.key), ())
    return next((advice for advice in known if advice.step in ("", failed)), None)


def why_again(attempt: Attempt, advice: FlakyAdvice, why: str) -> str:
    what = f"step {advice.step}" if advice.step else "the job"
    commits = len(advice.commits)
    seen = f"{what} passed and failed at each of {commits} commits" if commits > 1 else f"{what} passed when run again"
    return f"known flaky: {seen}; attempt {attempt.n}: {why}"


def told_retries(job: Job, outcome: Result, attempt: Attempt, why: str) -> str:
    """A verdict's reason with what it took to come to it."""
    if not job.retries:
        return why
    if outcome == "success":
        return f"passed on attempt {attempt.n}, known flaky"
    if outcome == "failure":
        return f"failed on each of {job.retries + 1} attempts, although known flaky: {why}"
    return why


def _failed_step(attempt: Attempt) -> str | None:
    """The name of the step by which the attempt failed: what fails behind it may fail because of it."""
    failed = (step for _, step in sorted(attempt.steps.items()) if step.conclusion in ("failure", "timeout"))
    first = next(failed, None)
    return None if first is None else first.name
