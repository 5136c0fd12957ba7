"""The hosts as the scheduler sees them: the fold of `ev.host.*`, and what their heartbeats said last.

Silence is not judged here (`leases`); a host that left or fell silent stays known, so that a reason can name it.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from libs.contracts.host import (
    DEFAULT_GROUP,
    DebugOpened,
    Heartbeat,
    HostDraining,
    HostEvent,
    HostJoined,
    HostLeft,
    TemplateBuilt,
    VmDestroyed,
    VmKept,
    VmNotKept,
    VmPooled,
    VmReaped,
    offers,
)
from libs.contracts.ids import BootId, HostId
from libs.contracts.size import Size


class Host(msgspec.Struct, frozen=True):
    """`labels` in lower case. `full`: it refused for want of room, and no heartbeat since has said otherwise."""

    id: HostId
    boot_id: BootId
    labels: frozenset[str]
    slots: int
    group: str = DEFAULT_GROUP
    driver: str = ""
    takes_forks: bool = False
    largest: Size | None = None
    usual: Size | None = None
    memory_mib: int = 0
    key: bytes = b""
    draining: bool = False
    left: bool = False
    silent: bool = False
    full: bool = False

    def offers(self, label: str) -> bool:
        return offers(self.labels, label, self.largest)

    def takes_mib(self, asked: Size | None) -> int:
        """What a job's machine takes of `memory_mib`; nothing where nobody counts."""
        size = asked or self.usual
        return size.memory_mib if self.memory_mib and size is not None else 0

    @property
    def has_machines(self) -> bool:
        """A job there has a kernel of its own."""
        return self.largest is not None

    @property
    def open(self) -> bool:
        """It takes new jobs, room permitting."""
        return not (self.draining or self.left or self.silent)


Fleet = dict[HostId, Host]


def evolve_fleet(fleet: Fleet, host_id: HostId, event: HostEvent) -> Fleet:
    """The hosts after an event of one of them. A boot that left does not take a later one with it."""
    match event:
        case HostJoined():
            return {**fleet, host_id: _joined(host_id, event)}
        case HostDraining():
            return _changed(fleet, host_id, draining=not event.undrained)
        case HostLeft():
            host = fleet.get(host_id)
            return fleet if host is None or host.boot_id != event.boot_id else _changed(fleet, host_id, left=True)
        case TemplateBuilt() | VmPooled() | VmDestroyed() | VmReaped() | VmKept() | VmNotKept() | DebugOpened():
            return fleet


def heard(fleet: Fleet, beat: Heartbeat) -> Fleet:
    """The hosts after a heartbeat. One of another boot than the log's says nothing."""
    host = fleet.get(beat.host)
    if host is None or host.boot_id != beat.boot_id:
        return fleet
    full = host.full and beat.free_slots <= 0
    after = replace(host, slots=beat.slots, draining=beat.draining, full=full, silent=False)
    return fleet if after == host else {**fleet, beat.host: after}


def refused(fleet: Fleet, host_id: HostId) -> Fleet:
    """The hosts after one had no room: nothing more goes there before its next heartbeat."""
    return _changed(fleet, host_id, full=True)


def silenced(fleet: Fleet, host_ids: frozenset[HostId]) -> Fleet:
    """The hosts, with exactly these marked as silent."""
    changed = {h.id: replace(h, silent=h.id in host_ids) for h in fleet.values() if h.silent != (h.id in host_ids)}
    return {**fleet, **changed} if changed else fleet


def _joined(host_id: HostId, event: HostJoined) -> Host:
    return Host(
        id=host_id,
        boot_id=event.boot_id,
        labels=frozenset(label.lower() for label in event.labels),
        slots=event.slots,
        group=event.group,
        driver=event.driver,
        takes_forks=event.takes_forks,
        largest=event.largest,
        usual=event.usual,
        memory_mib=event.memory_mib,
        key=event.key,
    )


def _changed(fleet: Fleet, host_id: HostId, **fields: bool) -> Fleet:
    host = fleet.get(host_id)
    return fleet if host is None else {**fleet, host_id: replace(host, **fields)}
