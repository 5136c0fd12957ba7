"""What must be done in the world because of a stored event, as values: doorbells, orders to stop, timers.

They follow from the event and from the state as it is by now: an assignment that is over rings nobody. Each is harmless
when repeated: a doorbell is put once, a timer replaces itself, a blob has the address of its content.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from libs.contracts import subjects
from libs.contracts.attempt import AttemptEvent, AttemptFinished, AttemptLost, AttemptStarted
from libs.contracts.ids import Cause, HostId, JobKey, RunId
from libs.contracts.orders import CancelOrder, JobOrder
from libs.contracts.run import (
    ApprovalRequested,
    JobAssigned,
    JobCancelRequested,
    RunEvent,
    RunFinished,
    RunRerun,
    RunStarted,
)
from libs.contracts.subjects import AttemptAddress, RunAddress
from libs.contracts.timers import JobDeadline, RunDeadline, RunTimer, WaitOver
from services.scheduler.gates.environments import wait_until
from services.scheduler.orders import order_of
from services.scheduler.policy import RUN_SECONDS
from services.scheduler.run_state import ON_A_HOST, Job, Run


class Ring(msgspec.Struct, frozen=True):
    """Puts a doorbell; `order.attempt` names it, so that it is put once. `run` is for what only the shell can add: the
    secrets that the job may have.
    """

    host: HostId
    order: JobOrder
    run: Run


class Stop(msgspec.Struct, frozen=True):
    """Tells the host to stop an attempt."""

    host: HostId
    order: CancelOrder


class Arm(msgspec.Struct, frozen=True):
    key: str
    at: datetime
    timer: RunTimer


class Disarm(msgspec.Struct, frozen=True):
    key: str


Effect = Ring | Stop | Arm | Disarm


def effects_of(run: Run, event: RunEvent, cause: Cause) -> list[Effect]:
    """What a stored event of the run asks for, given the run as it is now."""
    if isinstance(event, RunFinished):
        return [Disarm(run_timer(run.id, event.run_attempt))]
    if isinstance(event, JobAssigned):
        return _ring(run, event.job, event.n, cause)
    if isinstance(event, JobCancelRequested):
        return _stop(run, event.job, event.n)
    if isinstance(event, ApprovalRequested):
        return _wait(run, event.job)
    if isinstance(event, RunStarted | RunRerun):
        return _run_deadline(run)
    return []


def effects_of_attempt(run: Run | None, address: AttemptAddress, event: AttemptEvent) -> list[Effect]:
    """What a stored event of an attempt asks for; `run` is None where the run is over."""
    if isinstance(event, AttemptStarted):
        return _job_deadline(run, address.job, address.n) if run is not None else []
    if isinstance(event, AttemptFinished | AttemptLost):
        return [Disarm(job_timer(address.run_id, address.job, address.n))]
    return []


def wanted(run: Run, cause: Cause) -> list[Effect]:
    """All effects that the state asks for as it is, whatever was done already: what the reconciler repairs."""
    effects: list[Effect] = _run_deadline(run)
    for job in run.jobs.values():
        effects += _wait(run, job.key)
        if job.attempt is None or job.phase not in ON_A_HOST:
            continue
        if job.phase == "assigned":
            effects += _ring(run, job.key, job.attempt.n, cause)
        else:
            effects += _job_deadline(run, job.key, job.attempt.n)
        effects += _stop(run, job.key, job.attempt.n)
    return effects


def job_timer(run_id: RunId, job: JobKey, n: int) -> str:
    return f"job.{run_id}.{job}.{n}"


def run_timer(run_id: RunId, run_attempt: int) -> str:
    return f"run.{run_id}.{run_attempt}"


def wait_timer(run_id: RunId, job: JobKey) -> str:
    return f"wait.{run_id}.{job}"


def _wait(run: Run, key: JobKey) -> list[Effect]:
    """At the end of an environment's wait timer the decider looks; what was missed the reconciler's round sees."""
    job = run.jobs.get(key)
    if job is None or job.phase != "waiting" or job.hold is None or not job.hold.wait_minutes:
        return []
    repository = run.plan.repository
    timer = WaitOver(repository.owner, repository.name, run.id, key)
    return [Arm(wait_timer(run.id, key), wait_until(job.hold), timer)]


def _ring(run: Run, key: JobKey, n: int, cause: Cause) -> list[Effect]:
    job = _current(run, key, n)
    if job is None or job.attempt is None or job.phase != "assigned":
        return []
    return [Ring(job.attempt.host, order_of(run, key, cause), run)]


def _stop(run: Run, key: JobKey, n: int) -> list[Effect]:
    job = _current(run, key, n)
    if job is None or job.attempt is None or job.cancel is None or job.phase not in ON_A_HOST:
        return []
    address = RunAddress(run.plan.repository.owner, run.plan.repository.name, run.id)
    subject = subjects.attempt(job.attempt.host, address, key, n)
    return [Stop(job.attempt.host, CancelOrder(subject, job.cancel))]


def _job_deadline(run: Run, key: JobKey, n: int) -> list[Effect]:
    job = _current(run, key, n)
    if job is None or job.attempt is None or job.attempt.started_at is None or job.phase != "running":
        return []
    at = job.attempt.started_at + timedelta(milliseconds=job.timeout_ms)
    repository = run.plan.repository
    return [Arm(job_timer(run.id, key, n), at, JobDeadline(repository.owner, repository.name, run.id, key, n))]


def _run_deadline(run: Run) -> list[Effect]:
    if run.over:
        return []
    at = (run.started_at or run.created_at) + timedelta(seconds=RUN_SECONDS)
    repository = run.plan.repository
    timer = RunDeadline(repository.owner, repository.name, run.id, run.run_attempt)
    return [Arm(run_timer(run.id, run.run_attempt), at, timer)]


def _current(run: Run, key: JobKey, n: int) -> Job | None:
    job = run.jobs.get(key)
    return job if job is not None and job.attempt is not None and job.attempt.n == n else None
