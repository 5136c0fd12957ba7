"""The contexts that a job's keys see before it runs: `needs` and `strategy` from the state, the rest from the plan.

GitHub's words and shapes; what only the host knows (`runner`, `job`, `steps`) is the agent's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from libs.contracts.plan import JsonObject
from libs.contracts.results import GITHUB
from libs.workflow.expressions import Scope, Status, Value
from services.scheduler.run_state import Job, Run


def needs(run: Run, job_id: str) -> JsonObject:
    """`needs`: of each job that is needed directly its result and outputs."""
    return _ended(run, _needs(run, job_id))


def _ended(run: Run, job_ids: Iterable[str]) -> JsonObject:
    """Each by the id that its own workflow file gives it."""
    return {
        run.planned[job_id].id: {"result": _github_result(run, job_id), "outputs": outputs(run, job_id)}
        for job_id in job_ids
    }


def inputs(run: Run, job_id: str) -> JsonObject:
    """`inputs`: those of the call that led to the job, else the run's own."""
    caller = run.callers.get(job_id)
    return run.plan.inputs if caller is None else run.calls[caller].inputs


def outputs(run: Run, job_id: str) -> dict[str, str]:
    """A job's outputs. Of a matrix the job that finished last counts, but an empty value replaces nothing."""
    merged: dict[str, str] = {}
    for job in sorted(run.of(job_id), key=lambda job: job.finish):
        for name, value in job.outputs.items():
            if value or name not in merged:
                merged[name] = value
    return merged


def status(run: Run, job_id: str) -> Status:
    """What the status functions answer in a job's `if`: over all that it needs, however far away.

    Only in its own workflow: what a caller needs is the caller's affair.
    """
    results = {_name(run, ancestor): _github_result(run, ancestor) for ancestor in run.ancestors[job_id]}
    cancelled = run.cancel_reason(job_id) is not None
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


def scope_of_workflow(run: Run, given: JsonObject) -> Scope:
    """For `concurrency` of the run's workflow or of a called one, which was given these inputs: no job is known yet."""
    contexts: dict[str, Value] = {
        "github": cast(Value, github(run)),
        "vars": cast(Value, run.plan.vars),
        "inputs": cast(Value, given),
    }
    return Scope(contexts=contexts)


def scope_of_if(run: Run, job_id: str) -> Scope:
    """For `if` and `strategy`, which are evaluated before there is a matrix."""
    return Scope(contexts=_shared(run, job_id), status=status(run, job_id))


def scope_of_job(shared: Scope, run: Run, job: Job) -> Scope:
    """For the keys of one job of the matrix; `shared` is the scope of its `if`."""
    mine = {"strategy": cast(Value, strategy(run, job)), "matrix": cast(Value, job.matrix)}
    return Scope(contexts={**shared.contexts, **mine}, status=shared.status)


def scope_of_outputs(run: Run, caller: Job) -> Scope:
    """For the outputs of the workflow that the job called: `jobs` are its jobs, `inputs` those of the call."""
    call = run.calls[caller.key]
    called = list(dict.fromkeys(job.job_id for job in run.called_by(caller.key)))
    return Scope(
        contexts={
            "github": cast(Value, github(run)),
            "jobs": cast(Value, _ended(run, called)),
            "vars": cast(Value, run.plan.vars),
            "inputs": cast(Value, call.inputs),
        }
    )


def _shared(run: Run, job_id: str) -> dict[str, Value]:
    # A JSON object of the contracts is a value of the language; only the type checker cannot see it.
    return {
        "github": cast(Value, github(run)),
        "needs": cast(Value, needs(run, job_id)),
        "vars": cast(Value, run.plan.vars),
        "inputs": cast(Value, inputs(run, job_id)),
    }


def _needs(run: Run, job_id: str) -> tuple[str, ...]:
    return tuple(need for need in run.needs[job_id] if need in run.planned)


def _name(run: Run, job_id: str) -> str:
    return run.planned[job_id].id if job_id in run.planned else job_id


def _github_result(run: Run, job_id: str) -> str:
    result = run.result_of(job_id) if job_id in run.planned else None
    return GITHUB[result] if result is not None else ""
