"""Queued jobs that no host will ever take: after a day, at once in a local run, or when all that could have refused."""

from __future__ import annotations

from datetime import datetime

from libs.contracts.run import JobFinished
from libs.contracts.size import sizes_of
from services.scheduler.ending import finish
from services.scheduler.hosts import Fleet
from services.scheduler.place import Waiting, misfit
from services.scheduler.policy import QUEUE_SECONDS, Policy
from services.scheduler.run_state import Job, Run
from services.scheduler.wants import waiting_of


def unserved(run: Run, job: Job, fleet: Fleet, policy: Policy, now: datetime) -> JobFinished | None:
    """The end of a queued job that waits in vain; None where it need not be over."""
    if job.phase != "queued" or job.queued_at is None:
        return None
    if (now - job.queued_at).total_seconds() >= QUEUE_SECONDS:
        hours = QUEUE_SECONDS / 3600
        return finish(
            job, "error", f"it was queued for {hours:g} hours and no host took it: {_reason(run, job, fleet)}"
        )
    if not job.refused_by and not policy.error_when_unserved:
        return None
    hosts = [host for host in fleet.values() if not host.left]
    wanted = waiting_of(run, job)
    if not hosts or any(misfit(wanted, host) is None for host in hosts):
        return None
    return finish(job, "error", _reason(run, job, fleet))


def _reason(run: Run, job: Job, fleet: Fleet) -> str:
    hosts = [host for host in fleet.values() if not host.left]
    if not hosts:
        return "there is no host"
    nobody = [label for label in job.labels if not any(host.offers(label) for host in hosts)]
    largest = [f"{host.id} up to {host.largest}" for host in hosts if host.largest is not None]
    wanted_sizes = sizes_of(nobody)
    if wanted_sizes and largest:
        return f"it asks for {max(wanted_sizes)}, and no host offers that: {', '.join(largest[:3])}"
    if job.host_group and not any(job.host_group.casefold() == host.group.casefold() for host in hosts):
        return (
            f"no host is in the group {job.host_group}; there are {', '.join(sorted({host.group for host in hosts}))}"
        )
    if nobody:
        return f"no host has the label {', '.join(nobody)}"
    if job.refused_by:
        return f"no host can take it: {job.why}"
    wanted: Waiting = waiting_of(run, job)
    reasons = [f"{host.id}: {why}" for host in hosts if (why := misfit(wanted, host)) is not None]
    return "; ".join(reasons[:3]) or "every host that could was full, draining or silent"
