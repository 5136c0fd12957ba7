"""The statuses that a run's commit should have: f(run), and nothing else. Pure.

One a job. Only what a person acts on changes one: it is pending, then it is over.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from libs.contracts.ids import JobKey
from libs.contracts.results import Result
from libs.views.words import duration
from services.reporter.run_view import JobView, PlanHead, RunView, head_sha
from services.reporter.words import CONTEXT_CHARACTERS, DESCRIPTION_CHARACTERS, WORD, line

State = Literal["pending", "success", "failure", "error"]

STATE: dict[Result, State] = {
    "success": "success",
    "failure": "failure",
    "error": "error",
    "timeout": "failure",
    "cancellation": "error",
    "skip": "success",  # as GitHub counts a skipped job for required checks
}
NOTHING_RAN = "nothing ran"
WHOLE_CHARACTERS = 100_000
"""Of a name before it is cut for GitHub: names that differ at their ends stay different."""
RUN = JobKey("")
"""In place of a job, where a run ended without one."""


@dataclass(frozen=True, slots=True)
class WantedStatus:
    """`run_attempt` tells a rerun's pending from the first one's."""

    job: JobKey
    context: str
    state: State
    description: str
    sha: str
    target_url: str

    @property
    def final(self) -> bool:
        return self.state != "pending"


def wanted_statuses(view: RunView, public_url: str) -> list[WantedStatus]:
    """Finished ones first: they are what people wait for when the rate is limited. Empty without a plan, and for a
    trial: a status has no neutral state, and a required check must not hang on what a model proposed.
    """
    plan = view.plan
    if plan is None or view.trial:
        return []
    sha, url = head_sha(plan), run_url(view, public_url)
    wanted = [
        WantedStatus(
            job.key, context(plan, job.name), _state(job), line(describe(job), DESCRIPTION_CHARACTERS), sha, url
        )
        for job in view.jobs.values()
    ]
    if view.result is not None and not view.jobs:
        words = line(f"{WORD[view.result]}: {view.why or NOTHING_RAN}", DESCRIPTION_CHARACTERS)
        wanted.append(WantedStatus(RUN, context(plan, ""), STATE[view.result], words, sha, url))
    return sorted(wanted, key=lambda status: not status.final)


def run_url(view: RunView, public_url: str) -> str:
    return f"{public_url}/runs/{view.run_id}"


def context(plan: PlanHead, job_name: str) -> str:
    """`firebreak / <workflow> / <job>`, with the event where it is no push: the same commit is often pushed and in a
    pull request, and one verdict must not stand over the other. A name over GitHub's limit is cut and made unique.
    """
    workflow = line(plan.workflow_name or plan.workflow_path, WHOLE_CHARACTERS)
    parts = ["firebreak", workflow, *([line(job_name, WHOLE_CHARACTERS)] if job_name else [])]
    event = "" if plan.event == "push" else f" ({line(plan.event, 40)})"
    whole = " / ".join(parts) + event
    if len(whole) <= CONTEXT_CHARACTERS:
        return whole
    tail = f"… {hashlib.sha256(whole.encode()).hexdigest()[:8]}{event}"
    return whole[: CONTEXT_CHARACTERS - len(tail)] + tail


def _state(job: JobView) -> State:
    return "pending" if job.result is None else STATE[job.result]


def describe(job: JobView) -> str:
    """One sentence on a job."""
    if job.result is None:
        return "Running" if job.attempt.started else "Queued"
    took = "" if job.attempt.duration_ms is None else f" in {duration(job.attempt.duration_ms)}"
    match job.result:
        case "skip":
            return f"Skipped: {job.why}" if job.why else "Skipped"
        case "success" if job.outcome not in {None, "success"}:
            return f"{WORD[job.outcome or 'failure']}{took}, which continue-on-error allows{_because(job)}"
        case "success" if job.retries:
            return f"Passed on attempt {job.n}, known flaky{took}"
        case "success" if not job.steps_run:
            return f"Succeeded{took}, but {NOTHING_RAN}"
        case "success":
            return f"Succeeded{took}, {job.steps_run} {'step' if job.steps_run == 1 else 'steps'}"
        case "failure" | "error" | "timeout" | "cancellation":
            return f"{WORD[job.result]}{took}{_because(job)}"


def _because(job: JobView) -> str:
    """The first step that went wrong, else the scheduler's reason."""
    for step in job.steps:
        if step.conclusion in {"failure", "error", "timeout"}:
            code = f" (exit code {step.exit_code})" if step.exit_code else ""
            return f": {step.name}{code}"
    return f": {job.why}" if job.why else ""
