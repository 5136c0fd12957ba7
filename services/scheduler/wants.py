"""What a run's state wants of the world around it: its queued jobs as placement sees them, and what it occupies."""

from __future__ import annotations

from typing import NamedTuple

from libs.contracts.ids import HostId
from libs.contracts.run import JobAssigned
from libs.contracts.size import Size, asked
from services.scheduler.expected import expected_ms, failed_lately
from services.scheduler.learned import NOTHING, Learned
from services.scheduler.place import Waiting
from services.scheduler.run_state import ON_A_HOST, Job, Run


def waiting_of(run: Run, job: Job, position: int = 0, expected_ms: float = 0, *, failed: bool = False) -> Waiting:
    """A queued job for placement; `failed` is whether it did the last time."""
    expansion = run.expansions.get(job.job_id)
    assert job.queued_at is not None
    return Waiting(
        run_id=run.id,
        job=job.key,
        repository=run.plan.repository.id,
        labels=job.labels,
        host_group=job.host_group,
        queued_at=job.queued_at,
        trust=run.plan.trust,
        trial=bool(run.plan.trial),
        not_hosts=job.not_hosts,
        refused_by=job.refused_by,
        group=group_of(run, job),
        limit=expansion.max_parallel if expansion is not None else None,
        position=position,
        failed_lately=failed,
        expected_ms=expected_ms,
    )


def group_of(run: Run, job: Job) -> str:
    """The matrix whose `max-parallel` the job counts against."""
    return f"{run.id}/{job.job_id}"


def queued(run: Run, learned: Learned = NOTHING) -> list[Waiting]:
    if run.over:
        return []
    jobs = [(position, job) for position, job in enumerate(run.jobs.values()) if job.phase == "queued"]
    expected = expected_ms(run, learned) if jobs else {}
    return [
        waiting_of(run, job, position, expected.get(job.key, 0), failed=failed_lately(run, job, learned))
        for position, job in jobs
    ]


class Slot(NamedTuple):
    """What one attempt that is assigned or running takes: a slot of its host, a place in its matrix, and memory."""

    host: HostId
    group: str
    asked: Size | None


def occupied(run: Run) -> list[Slot]:
    return [
        Slot(job.attempt.host, group_of(run, job), asked(job.labels))
        for job in run.jobs.values()
        if job.attempt is not None and job.phase in ON_A_HOST
    ]


def assigned(run: Run, job: Job, host: HostId) -> JobAssigned:
    """The event that gives the job to a host; `n` goes on from the last attempt, whichever run attempt it was of."""
    return JobAssigned(job.key, run.numbers.get(job.key, 0) + 1, host)
