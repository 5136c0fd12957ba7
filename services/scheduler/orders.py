"""The order that rings at a host's door, from a run's state: everything that one attempt needs, in GitHub's words.

Unsealed: the shell adds the secrets, for only it can draw the random numbers of a sealed box.
"""

from __future__ import annotations

from libs.contracts import subjects
from libs.contracts.ids import Cause, JobKey
from libs.contracts.orders import JobOrder
from libs.contracts.subjects import RunAddress
from services.scheduler import contexts
from services.scheduler.run_state import Run


def order_of(run: Run, key: JobKey, cause: Cause) -> JobOrder:
    """The order for the job's present attempt; the job must have one."""
    job, plan = run.jobs[key], run.plan
    assert job.attempt is not None
    address = RunAddress(plan.repository.owner, plan.repository.name, run.id)
    return JobOrder(
        attempt=subjects.attempt(job.attempt.host, address, key, job.attempt.n),
        run_id=run.id,
        job=key,
        n=job.attempt.n,
        host=job.attempt.host,
        name=job.name,
        cause=cause,
        actor=plan.actor,
        trust=plan.trust,
        sha=plan.sha,
        repository=plan.repository,
        planned=run.planned[job.job_id],
        timeout_ms=job.timeout_ms,
        run_attempt=run.run_attempt,
        env=plan.env,
        defaults=plan.defaults,
        github=contexts.github(run),
        needs=contexts.needs(run, job.job_id),
        strategy=contexts.strategy(run, job),
        matrix=job.matrix,
        inputs=plan.inputs,
        vars=plan.vars,
        labels=job.labels,
    )
