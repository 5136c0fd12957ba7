"""Who lost its attempt: judged from silence on the scheduler's own monotonic clock, and from what the log says.

Pure, and careful by construction: whoever was not listened to for a while is not silent. It knows no bus; the shell
tells it when it was deaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from libs.contracts.ids import BootId, HostId
from libs.contracts.subjects import AttemptAddress
from services.scheduler.hosts import Fleet
from services.scheduler.policy import SILENCE_SECONDS, START_SECONDS, cancel_seconds
from services.scheduler.run_state import ON_A_HOST, Job, Run


class Held(msgspec.Struct, frozen=True):
    """An attempt that a host holds. `boot_id` is None before `AttemptStarted`."""

    address: AttemptAddress
    boot_id: BootId | None
    cancel_at: datetime | None
    cancel_seconds: float = cancel_seconds(None)


class Clock(msgspec.Struct, frozen=True):
    """Seconds on the scheduler's monotonic clock, and its wall clock for what the log dated.

    `listening_since`: from then on no heartbeat was missed. `heard` and `assigned`: when each was last heard, and when
    each assignment was first seen.
    """

    now: float
    wall: datetime
    listening_since: float
    heard: Mapping[HostId, float] = {}
    assigned: Mapping[AttemptAddress, float] = {}


class Lost(msgspec.Struct, frozen=True):
    address: AttemptAddress
    why: str


def held(run: Run, owner: str, repo: str) -> list[Held]:
    """The attempts of a run that are on a host; `owner` and `repo` as in subjects."""
    return [_held(job, run, owner, repo) for job in run.jobs.values() if job.phase in ON_A_HOST]


def silent(fleet: Fleet, clock: Clock) -> frozenset[HostId]:
    """The hosts that get nothing new: never heard of by this scheduler, or not for a whole lease."""
    return frozenset(
        host_id for host_id in fleet if host_id not in clock.heard or _silence(host_id, clock) >= SILENCE_SECONDS
    )


def lost(attempts: Iterable[Held], fleet: Fleet, clock: Clock) -> list[Lost]:
    """The attempts to declare lost, and why."""
    found: list[Lost] = []
    for attempt in attempts:
        why = _why_lost(attempt, fleet, clock)
        if why:
            found.append(Lost(attempt.address, why))
    return found


def _why_lost(attempt: Held, fleet: Fleet, clock: Clock) -> str:
    host_id = attempt.address.host
    host = fleet.get(host_id)
    if attempt.boot_id is not None and host is not None and host.boot_id != attempt.boot_id:
        return f"host {host_id} came back as another boot"
    if host is not None and host.left:
        return f"host {host_id} left"
    if _silence(host_id, clock) >= SILENCE_SECONDS:
        return f"host {host_id} was silent for {SILENCE_SECONDS:g} s"
    if attempt.boot_id is None and _waited(attempt.address, clock) >= START_SECONDS:
        return f"no AttemptStarted from host {host_id} within {START_SECONDS:g} s"
    patience = attempt.cancel_seconds
    if attempt.cancel_at is not None and (clock.wall - attempt.cancel_at).total_seconds() >= patience:
        return f"it did not stop within {patience:g} s after it was told to"
    return ""


def _silence(host_id: HostId, clock: Clock) -> float:
    return clock.now - max(clock.heard.get(host_id, clock.listening_since), clock.listening_since)


def _waited(address: AttemptAddress, clock: Clock) -> float:
    return clock.now - max(clock.assigned.get(address, clock.now), clock.listening_since)


def _held(job: Job, run: Run, owner: str, repo: str) -> Held:
    assert job.attempt is not None
    address = AttemptAddress(job.attempt.host, owner, repo, run.id, job.key, job.attempt.n)
    return Held(address, job.attempt.boot_id, job.cancel_at, cancel_seconds(job.cancel_timeout_ms))
