"""The contexts that a job's keys see before it runs: `needs` and `strategy` from the state, the rest from the plan.

GitHub's words and shapes; what only the host knows (`runner`, `job`, `steps`) is the agent's.
"""

from __future__ import annotations

from typing import cast

from libs.contracts.plan import JsonObject
from libs.contracts.results import GITHUB
from libs.workflow.expressions import Scope, Status, Value
from services.scheduler.run_state import Job, Run


def needs(run: Run, job_id: str) -> JsonObject:
    """`needs`: of each job that is needed directly its result and outputs."""
    return {need: {"result": _github_result(run, need), "outputs": outputs(run, need)} for need in _needs(run, job_id)}


def outputs(run: Run, job_id: str) -> dict[str, str]:
    """A job's outputs. Of a matrix the job that finished last counts, but an empty value replaces nothing."""
    merged: dict[str, str] = {}
    for job in sorted(run.of(job_id), key=lambda job: job.finish):
        for name, value in job.outputs.items():
            if value or name not in merged:
                merged[name] = value
    return merged


def status(run: Run, job_id: str) -> Status:
    """What the status functions answer in a job's `if`: over all that it needs, however far away."""
    results = {ancestor: _github_result(run, ancestor) for ancestor in run.ancestors[job_id]}
    cancelled = run.cancel is not None
    return Status(
        success=not cancelled and all(result == "success" for result in results.values()),
        failure=any(result == "failure" for result in results.values()),
        cancelled=cancelled,
        results=results,
    )


def github(run: Run) -> JsonObject:
    """`github` as the event fixes it, with what a rerun changes."""
    context: JsonObject = {**run.plan.github, "run_attempt": str(run.run_attempt)}
    if run.rerun_by:
        context["triggering_actor"] = run.rerun_by
    return context


def strategy(run: Run, job: Job) -> JsonObject:
    """`strategy`: of a job without a matrix it is that of a matrix of one."""
    expansion = run.expansions.get(job.job_id)
    if expansion is None:
        return {"fail-fast": True, "job-index": 0, "job-total": 1, "max-parallel": 1}
    return {
        "fail-fast": expansion.fail_fast,
        "job-index": job.index,
        "job-total": expansion.total,
        "max-parallel": expansion.max_parallel or expansion.total,
    }


def scope_of_if(run: Run, job_id: str) -> Scope:
    """For `if` and `strategy`, which are evaluated before there is a matrix."""
    return Scope(contexts=_shared(run, job_id), status=status(run, job_id))


def scope_of_job(shared: Scope, run: Run, job: Job) -> Scope:
    """For the keys of one job of the matrix; `shared` is the scope of its `if`."""
    mine = {"strategy": cast(Value, strategy(run, job)), "matrix": cast(Value, job.matrix)}
    return Scope(contexts={**shared.contexts, **mine}, status=shared.status)


def _shared(run: Run, job_id: str) -> dict[str, Value]:
    # A JSON object of the contracts is a value of the language; only the type checker cannot see it.
    return {
        "github": cast(Value, github(run)),
        "needs": cast(Value, needs(run, job_id)),
        "vars": cast(Value, run.plan.vars),
        "inputs": cast(Value, run.plan.inputs),
    }


def _needs(run: Run, job_id: str) -> tuple[str, ...]:
    return tuple(need for need in run.planned[job_id].needs if need in run.planned)


def _github_result(run: Run, job_id: str) -> str:
    result = run.result_of(job_id) if job_id in run.planned else None
    return GITHUB[result] if result is not None else ""
