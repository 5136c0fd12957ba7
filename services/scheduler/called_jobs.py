"""The jobs that a run gains when a job of it calls a workflow, and loses when that job runs again: a part of the fold.

It knows no events and decides nothing; `calls` says when.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from libs.contracts.ids import JobKey, called_id
from libs.contracts.plan import JsonObject
from services.scheduler.run_state import Call, Job, Run, ancestors, waiting


def with_called_jobs(run: Run, caller: Job, inputs: JsonObject) -> Run:
    """The called workflow's jobs stand right behind the job that called it. Raises KeyError where the plan lacks it."""
    name = run.planned[caller.job_id].calls
    ids = {planned.id: called_id(caller.key, planned.id) for planned in run.plan.called[name].jobs}
    planned = {ids[each.id]: each for each in run.plan.called[name].jobs}
    needs = {job_id: tuple(ids.get(need, need) for need in each.needs) for job_id, each in planned.items()}
    jobs: dict[JobKey, Job] = {}
    for key, job in run.jobs.items():
        jobs[key] = job
        if key == caller.key:
            jobs |= {JobKey(job_id): waiting(job_id, each, caller) for job_id, each in planned.items()}
    return replace(
        run,
        jobs=jobs,
        planned={**run.planned, **planned},
        needs={**run.needs, **needs},
        ancestors={**run.ancestors, **{job_id: ancestors(job_id, needs) for job_id in needs}},
        calls={**run.calls, caller.key: Call(name, inputs)},
        callers={**run.callers, **dict.fromkeys(planned, caller.key)},
    )


def without_called_jobs(run: Run, callers: Collection[JobKey]) -> Run:
    """The run as if these jobs had called nothing."""
    gone = {job.key for caller in callers for job in run.inside(caller)}
    ids = {run.jobs[key].job_id for key in gone}
    return replace(
        run,
        jobs={key: job for key, job in run.jobs.items() if key not in gone},
        planned={job_id: planned for job_id, planned in run.planned.items() if job_id not in ids},
        needs={job_id: needs for job_id, needs in run.needs.items() if job_id not in ids},
        ancestors={job_id: found for job_id, found in run.ancestors.items() if job_id not in ids},
        expansions={job_id: expansion for job_id, expansion in run.expansions.items() if job_id not in ids},
        calls={key: call for key, call in run.calls.items() if key not in gone and key not in callers},
        callers={job_id: caller for job_id, caller in run.callers.items() if job_id not in ids},
    )
