"""How a job ends: one place where `continue-on-error` turns an outcome into what counts."""

from __future__ import annotations

from libs.contracts.blobs import BlobRef
from libs.contracts.results import Result
from libs.contracts.run import JobFinished
from services.scheduler.run_state import Attempt, Job

FORGIVEN: frozenset[Result] = frozenset({"failure", "error", "timeout"})
"""What `continue-on-error` makes a success. Who cancels does not ask for a success."""
WHY_CHARACTERS = 2_000
"""A reason may repeat what a workflow computed; an event that holds all of it would not be stored."""


def told(why: str) -> str:
    return why if len(why) <= WHY_CHARACTERS else why[: WHY_CHARACTERS - 3] + "..."


def finish(job: Job, outcome: Result, why: str = "", attempt: Attempt | None = None) -> JobFinished:
    """The job's end. `attempt` is the one that decided; a job that never had a sandbox ended without one."""
    forgiven = job.continue_on_error and outcome in FORGIVEN
    outputs, blob = _outputs(attempt)
    return JobFinished(
        job=job.key,
        job_id=job.job_id,
        name=job.name,
        outcome=outcome,
        conclusion="success" if forgiven else outcome,
        n=attempt.n if attempt is not None else 0,
        outputs=outputs,
        outputs_blob=blob,
        why=told(why),
        retries=job.retries,
    )


def _outputs(attempt: Attempt | None) -> tuple[dict[str, str], BlobRef | None]:
    """What is in a blob is named and not repeated."""
    if attempt is None or attempt.end != "finished":
        return {}, None
    return ({}, attempt.outputs_blob) if attempt.outputs_blob is not None else (attempt.outputs, None)
