"""The fold of `RunRerun`: which jobs wait anew, and what is forgotten of them. Which they are was decided before.

Architecture invariant: attempts' numbers go on (`Run.numbers`), so nothing in here touches them.
"""

from __future__ import annotations

from msgspec.structs import replace

from libs.contracts.ids import JobKey
from libs.contracts.run import RunRerun
from services.scheduler.called_jobs import without_called_jobs
from services.scheduler.run_state import Job, Run, waiting
from services.scheduler.transitions import JOB, IllegalTransition


def rerun(run: Run, event: RunRerun) -> Run:
    """A matrix of which every job runs again is expanded anew; of another, the jobs keep their values.

    A job that called a workflow calls it anew when all that is inside runs again, else it goes on with what it called.
    """
    again = set(event.jobs)
    for key in again:
        _check(run, key)
    anew = {key for key in again if all(job.key in again for job in run.inside(key))}
    whole = {job_id for job_id in run.planned if all(job.key in anew for job in run.of(job_id))}
    run = without_called_jobs(run, [key for key in anew if key in run.calls])
    jobs: dict[JobKey, Job] = {}
    for key, job in run.jobs.items():
        fresh = waiting(job.job_id, run.planned[job.job_id], run.caller_of(job.job_id))
        if job.job_id in whole:
            jobs.setdefault(fresh.key, fresh)
        elif key in anew:
            jobs[key] = replace(fresh, key=key, expanded=job.expanded, matrix=job.matrix, index=job.index)
        elif key in again:
            jobs[key] = _calling(job)
        else:
            jobs[key] = job
    return replace(
        run,
        jobs=jobs,
        run_attempt=event.run_attempt,
        expansions={job_id: expansion for job_id, expansion in run.expansions.items() if job_id not in whole},
        cancel=None,
        cancel_why="",
        requests={},
        commands=run.commands | {event.command},
        rerun_by=event.by,
        conclusion=None,
    )


def _check(run: Run, key: JobKey) -> None:
    job = run.jobs.get(key)
    if job is None or (job.phase, "RunRerun") not in JOB:
        phase = "unknown" if job is None else job.phase
        raise IllegalTransition(f"job {key} of run {run.id}", phase, "RunRerun", run.story[:-1])


def _calling(job: Job) -> Job:
    """As it was before the jobs that it called were over."""
    return replace(
        job,
        phase="calling",
        cancel=None,
        cancel_at=None,
        outcome=None,
        conclusion=None,
        outputs={},
        finish=0,
        why="",
    )
