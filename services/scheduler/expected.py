"""What a run's queued jobs are expected to lead to: of each, its own time and that of the longest chain behind it.

The graph is of what is left of the run, with the learner's durations. A job that nothing is known of counts as nothing,
and what waits for it still counts; of a matrix that is not expanded yet, and of a workflow that is not called yet, the
longest of the jobs that it became before stands for it.
"""

from __future__ import annotations

from libs.contracts.ids import JobKey
from libs.workflow.critical_path import critical_path
from services.scheduler.learned import JobAt, Learned
from services.scheduler.run_state import DONE, Job, Run


def expected_ms(run: Run, learned: Learned) -> dict[str, float]:
    """By job key; empty where nothing is known."""
    if not learned.durations:
        return {}
    left = {job.key: job for job in run.jobs.values() if job.phase not in DONE}
    known = {at.job: advice.expected_ms for at, advice in learned.durations.items() if _of(run, at)}
    if not known:
        return {}
    durations: dict[str, float] = {key: _alone(job, known) for key, job in left.items()}
    needs: dict[str, tuple[str, ...]] = _needs(run, left)
    try:
        return critical_path(durations, needs)
    except ValueError:  # a circle, which the parser refuses; such a run is ended by its decider
        return {}


def failed_lately(run: Run, job: Job, learned: Learned) -> bool:
    advice = learned.durations.get(JobAt(run.plan.workflow_path, job.key))
    return advice is not None and advice.failed_lately


def _of(run: Run, at: JobAt) -> bool:
    return at.path == run.plan.workflow_path


def _alone(job: Job, known: dict[JobKey, float]) -> float:
    """A call under way lasts as long as its jobs, which are in the graph."""
    if job.phase == "calling":
        return 0.0
    own = known.get(job.key)
    if own is not None:
        return own
    return max((duration for key, duration in known.items() if key.startswith(f"{job.key}~")), default=0.0)


def _needs(run: Run, left: dict[JobKey, Job]) -> dict[str, tuple[str, ...]]:
    """What each waits for: the jobs of its needs, and of a call that is under way those that it called."""
    by_id: dict[str, list[JobKey]] = {}
    called: dict[JobKey, list[JobKey]] = {}
    for job in left.values():
        by_id.setdefault(job.job_id, []).append(job.key)
        caller = run.callers.get(job.job_id)
        if caller is not None:
            called.setdefault(caller, []).append(job.key)
    needed = {job_id: [key for need in run.needs[job_id] for key in by_id.get(need, ())] for job_id in by_id}
    return {job.key: (*needed[job.job_id], *called.get(job.key, ())) for job in left.values()}
