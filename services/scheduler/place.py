"""Placement: which waiting job goes to which host. One pure function sees every host and every waiting job.

The order is: priority, then the repository that has least on the hosts, then what failed the last time (whoever waits
for a red verdict has it soonest), then what is expected to lead to most, then who waits longest. The same input gives
the same answer, so two schedulers propose the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from libs.contracts.ids import HostId, JobKey, RepositoryId, RunId
from libs.contracts.plan import Trust
from libs.contracts.size import Size, asked, size_of_label, sizes_of
from libs.views.words import duration
from services.scheduler.hosts import Fleet, Host


class Waiting(msgspec.Struct, frozen=True):
    """A queued job. `group` is its matrix, of which `limit` jobs at most run at once.

    `not_hosts` failed it before: another one is taken where there is one. `refused_by` will never take it.
    """

    run_id: RunId
    job: JobKey
    repository: RepositoryId
    labels: tuple[str, ...]
    queued_at: datetime
    host_group: str = ""
    trust: Trust = "own"
    not_hosts: tuple[HostId, ...] = ()
    refused_by: tuple[HostId, ...] = ()
    group: str = ""
    limit: int | None = None
    priority: int = 0
    failed_lately: bool = False
    expected_ms: float = 0
    """Its own time and that of the longest chain of the run that waits for it; 0 where nobody knows."""
    trial: bool = False
    """Nothing but a machine may run what a model proposed."""
    position: int = 0
    """Its place in the run: of equals, the first of the workflow file goes first."""


class Usage(msgspec.Struct, frozen=True):
    """Attempts that are assigned or running: by host, by repository, and by matrix, and their memory."""

    hosts: Mapping[HostId, int] = {}
    repositories: Mapping[RepositoryId, int] = {}
    groups: Mapping[str, int] = {}
    memory_mib: Mapping[HostId, int] = {}
    """What their machines have, of the hosts that count it."""


class Assignment(msgspec.Struct, frozen=True):
    run_id: RunId
    job: JobKey
    host: HostId


def place(waiting: Iterable[Waiting], fleet: Fleet, usage: Usage) -> list[Assignment]:
    """The assignments that can be made now, in the order in which they were made."""
    free = {host.id: _free(host, usage) for host in fleet.values()}
    free = {host_id: slots for host_id, slots in free.items() if slots > 0}
    if not free:
        return []
    groups = dict(usage.groups)
    memory = dict(usage.memory_mib)
    fitting: dict[object, tuple[list[Host], Size | None]] = {}
    made: list[Assignment] = []
    for job in _fairly(waiting, usage):
        if job.limit is not None and groups.get(job.group, 0) >= job.limit:
            continue
        kind = (job.labels, job.host_group, job.trust, job.trial, job.not_hosts, job.refused_by)
        if kind not in fitting:
            fitting[kind] = candidates(job, fleet), asked(job.labels)
        hosts, size = fitting[kind]
        host_id = _roomiest([host for host in hosts if _has_memory(host, size, memory)], free)
        if host_id is None:
            continue
        free[host_id] -= 1
        memory[host_id] = memory.get(host_id, 0) + fleet[host_id].takes_mib(size)
        groups[job.group] = groups.get(job.group, 0) + 1
        made.append(Assignment(job.run_id, job.job, host_id))
        if free[host_id] == 0:
            del free[host_id]
            if not free:
                break
    return made


def candidates(job: Waiting, fleet: Fleet) -> list[Host]:
    """The hosts that may take it, whether they have room or not; those that failed it only where there is no other."""
    fitting = [host for host in fleet.values() if host.open and misfit(job, host) is None]
    others = [host for host in fitting if host.id not in job.not_hosts]
    return others or fitting


def misfit(job: Waiting, host: Host) -> str | None:
    """Why this host can never take the job; None where it can."""
    if host.id in job.refused_by:
        return "it refused the job for good"
    if len(sizes_of(job.labels)) > 1:
        return f"the job asks for two sizes, {_listed(sizes_of(job.labels))}, and has one machine"
    missing = [label for label in job.labels if not host.offers(label)]
    too_large = [size for label in missing if (size := size_of_label(label)) is not None]
    if too_large and host.largest is not None:
        return f"the job asks for {max(too_large)}, it offers up to {host.largest}"
    if job.host_group and job.host_group.casefold() != host.group.casefold():
        return f"it is in the group {host.group}, and the job asks for {job.host_group}"
    if missing:
        return f"it has no label {', '.join(missing)}"
    if job.trial and not host.has_machines:
        return f"its driver {host.driver or 'there'} makes no machines, and a trial of a model's proposal runs in one"
    if job.trust == "fork" and not host.takes_forks:
        return f"its driver {host.driver or 'there'} takes no code from a fork"
    return None


def explain(job: Waiting, waiting: Iterable[Waiting], fleet: Fleet, usage: Usage) -> list[str]:
    """Why a queued job is not on a host: one line for each host, then its place among all that wait."""
    lines = [f"host {host.id}: {_obstacle(job, host, fleet, usage)}" for host in fleet.values()]
    if not fleet:
        lines.append("no host has joined: start one with `firebreak agent`")
    if job.limit is not None and usage.groups.get(job.group, 0) >= job.limit:
        lines.append(f"max-parallel: {job.limit} of its matrix are running already")
    order = [(other.run_id, other.job) for other in _fairly(waiting, usage)]
    if job.failed_lately:
        lines.append("it failed the last time, and goes before what did not")
    if job.expected_ms:
        lines.append(f"it and what waits for it take {duration(job.expected_ms)}: longer ones go first")
    if (job.run_id, job.job) in order:
        lines.append(f"place {order.index((job.run_id, job.job)) + 1} of {len(order)} in the queue")
    return lines


def _obstacle(job: Waiting, host: Host, fleet: Fleet, usage: Usage) -> str:
    never = misfit(job, host)
    if never is not None:
        return never
    if host.left:
        return "it left"
    if host.silent:
        return "it is silent"
    if host.draining:
        return "it is draining"
    if host not in candidates(job, fleet):
        return "an earlier attempt failed there, and another host can take it"
    if host.full or usage.hosts.get(host.id, 0) >= host.slots:
        return f"all of its {host.slots} slots are taken"
    if not _has_memory(host, asked(job.labels), usage.memory_mib):
        mine, taken = host.takes_mib(asked(job.labels)), usage.memory_mib.get(host.id, 0)
        return f"{taken} of its {host.memory_mib} MiB for machines are taken, and the job needs {mine}"
    return "it has room"


def _free(host: Host, usage: Usage) -> int:
    return host.slots - usage.hosts.get(host.id, 0) if host.open and not host.full else 0


def _has_memory(host: Host, size: Size | None, memory_mib: Mapping[HostId, int]) -> bool:
    mine = host.takes_mib(size)
    return mine == 0 or memory_mib.get(host.id, 0) + mine <= host.memory_mib


def _listed(sizes: Iterable[Size]) -> str:
    return " and ".join(map(str, sorted(sizes)))


def _roomiest(hosts: list[Host], free: Mapping[HostId, int]) -> HostId | None:
    """Where most slots are free: a host's processors are shared by its jobs."""
    there = [host.id for host in hosts if host.id in free]
    return min(there, key=lambda host_id: (-free[host_id], host_id), default=None)


def _fairly(waiting: Iterable[Waiting], usage: Usage) -> list[Waiting]:
    """Turn by turn: a repository's k-th waiting job stands behind what the others have less of than k."""
    ordered = sorted(waiting, key=_urgency)
    share = dict(usage.repositories)
    turns: list[tuple[int, int, int, Waiting]] = []
    for place, job in enumerate(ordered):
        taken = share.get(job.repository, 0)
        share[job.repository] = taken + 1
        turns.append((-job.priority, taken, place, job))
    turns.sort(key=lambda turn: turn[:3])
    return [turn[3] for turn in turns]


def _urgency(job: Waiting) -> tuple[int, bool, float, datetime, RunId, int]:
    return -job.priority, not job.failed_lately, -job.expected_ms, job.queued_at, job.run_id, job.position
