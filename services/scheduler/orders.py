"""The order that rings at a host's door, from a run's state: everything that one attempt needs, in GitHub's words.

Unsealed: the shell adds the secrets, for only it can draw the random numbers of a sealed box.
"""

from __future__ import annotations

from libs.contracts import subjects
from libs.contracts.ids import Cause, JobKey
from libs.contracts.orders import JobOrder, WorkflowAt
from libs.contracts.subjects import RunAddress
from services.scheduler import contexts
from services.scheduler.grants import least, permissions_of, workflow_of
from services.scheduler.run_state import Run

READ_ONLY = {"all": "read"}


def order_of(run: Run, key: JobKey, cause: Cause) -> JobOrder:
    """The order for the job's present attempt; the job must have one."""
    job, plan = run.jobs[key], run.plan
    called = workflow_of(run, job.job_id)
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
        trial=bool(plan.trial),
        sha=plan.sha,
        repository=plan.repository,
        planned=run.planned[job.job_id],
        timeout_ms=job.timeout_ms,
        run_attempt=run.run_attempt,
        env=plan.env if called is None else called.env,
        defaults=plan.defaults if called is None else called.defaults,
        github=contexts.github(run),
        needs=contexts.needs(run, job.job_id),
        strategy=contexts.strategy(run, job),
        matrix=job.matrix,
        inputs=contexts.inputs(run, job.job_id),
        vars=plan.vars,
        labels=job.labels,
        workflow=None if called is None else WorkflowAt(called.repository, called.path, called.ref, called.sha),
        permissions=_permissions(run, job.job_id),
        cancel_timeout_ms=job.cancel_timeout_ms,
    )


def _permissions(run: Run, job_id: str) -> dict[str, str] | None:
    """Code from a fork reads at most, whatever its workflow asks for."""
    asked = permissions_of(run, job_id)
    return asked if run.plan.trust == "own" else least(asked, READ_ONLY)
