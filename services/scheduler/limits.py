"""A job's learned time limit: what it is when the job is queued, and how its end is told.

Never longer than the workflow declares, which is a contract, and never shorter than the operator's floor.
"""

from __future__ import annotations

from libs.contracts.run import JobQueued, RunEvent, TimeoutAdjusted, TimeoutEvidence
from libs.views.words import duration
from services.scheduler.learned import JobAt, Learned, may_act
from services.scheduler.run_state import Job, Run


def with_limit(run: Run, queued: JobQueued, learned: Learned) -> list[RunEvent]:
    """The event that queues a job, and the one that adjusts its limit where a shorter one was learned."""
    adjusted = _adjusted(run, queued, learned)
    return [queued] if adjusted is None else [queued, adjusted]


def _adjusted(run: Run, queued: JobQueued, learned: Learned) -> TimeoutAdjusted | None:
    """A limit that ended this very job in an earlier attempt of the run is doubled, though the advice be older."""
    advice = learned.limits.get(JobAt(run.plan.workflow_path, queued.job))
    if advice is None or not may_act(run.plan):
        return None
    ended_by = run.ended_by_limit.get(queued.job, 0)
    limit_ms = max(advice.limit_ms, learned.floor_ms, 2 * ended_by)
    if limit_ms >= queued.timeout_ms:
        return None
    evidence = TimeoutEvidence(
        position=learned.position,
        rule=advice.rule,
        n=advice.n,
        longest_ms=advice.longest_ms,
        upper_ms=advice.upper_ms,
        kills=advice.kills if advice.limit_ms > ended_by else advice.kills + 1,
    )
    return TimeoutAdjusted(queued.job, queued.timeout_ms, limit_ms, evidence, run.run_attempt)


def over_limit(job: Job) -> str:
    """Why a job ended that reached its limit, and whose limit it was."""
    if job.limit is None:
        return f"it ran longer than {_minutes(job.timeout_ms)}"
    seen = f"{job.limit.n} success{'' if job.limit.n == 1 else 'es'}, longest {duration(job.limit.longest_ms)}"
    shown = duration(job.timeout_ms).removesuffix(" 00 s")
    return f"it ran longer than the learned limit of {shown} ({seen}); declared: {_minutes(job.declared_ms)}"


def _minutes(milliseconds: int) -> str:
    minutes = milliseconds / 60_000
    return f"{minutes:g} minute" + ("" if minutes == 1 else "s")
