"""Whether this host takes an order, and in what it runs. Pure; a refusal is nobody's error, and says if it is final."""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.attempt import AttemptRefused
from libs.contracts.ids import HostId
from libs.contracts.orders import JobOrder
from libs.contracts.size import Size, asked, sizes_of
from services.vm_agent.capacity import Capacity
from services.vm_agent.sandbox.protocol import SandboxId, SandboxSpec

PROCESSES = 4096
"""Of a job that asked for a size, where that is a limit and no machine: more than any build has, and no fork bomb."""


@dataclass(frozen=True, slots=True)
class Room:
    """The host as it is now. `isolation` is the driver's sentence about itself; `capacity` is None where jobs get no
    machines, `used_mib` what those of the running ones take of it."""

    host: HostId
    slots: int
    used: int
    draining: bool
    driver: str
    takes_forks: bool
    isolation: str
    capacity: Capacity | None = None
    used_mib: int = 0


def spec_of(order: JobOrder, name: SandboxId, capacity: Capacity | None = None) -> SandboxSpec:
    """What the driver is asked for. A machine has a network of its own, if any, so that every job may have it; without
    machines it would be the host's, with the bus and the neighbours on it, and code that nobody vetted gets none.
    """
    size = asked(order.labels)
    if capacity is not None:
        return _machine(order, name, size or capacity.usual, capacity.disk_bytes)
    network = order.trust == "own"
    if size is None:
        return SandboxSpec(name, network=network, trust=order.trust)
    return SandboxSpec(
        name,
        network=network,
        memory_bytes=size.memory_bytes,
        processes=PROCESSES,
        cpus=size.cpus,
        trust=order.trust,
    )


def _machine(order: JobOrder, name: SandboxId, size: Size, disk_bytes: int) -> SandboxSpec:
    return SandboxSpec(name, memory_bytes=size.memory_bytes, cpus=size.cpus, disk_bytes=disk_bytes, trust=order.trust)


def refusal(order: JobOrder, room: Room) -> AttemptRefused | None:
    if order.host != room.host:
        return AttemptRefused(f"the order is for host {order.host}, this is {room.host}", permanent=True)
    if order.trust != "own" and not room.takes_forks:
        why = f"driver '{room.driver}' does not run code from forks ({room.isolation}); use bubblewrap or a microVM"
        return AttemptRefused(why, permanent=True)
    if order.trial and room.capacity is None:
        why = f"driver '{room.driver}' makes no machines, and a trial of a model's proposal runs in one, or not at all"
        return AttemptRefused(why, permanent=True)
    sizes = sizes_of(order.labels)
    if len(sizes) > 1:
        why = f"runs-on asks for {' and '.join(map(str, sorted(sizes)))}: a job has one machine, name one size"
        return AttemptRefused(why, permanent=True)
    if room.draining:
        return AttemptRefused(f"host {room.host} is draining")
    if room.used >= room.slots:
        return AttemptRefused(f"host {room.host} has no free slot ({room.slots} in use)")
    return None if room.capacity is None else _no_memory(order, room, room.capacity)


def _no_memory(order: JobOrder, room: Room, capacity: Capacity) -> AttemptRefused | None:
    size = asked(order.labels) or capacity.usual
    if not size.fits(capacity.largest):
        why = f"the job asks for {size}, host {room.host} offers up to {capacity.largest}"
        return AttemptRefused(why, permanent=True)
    if room.used_mib + size.memory_mib > capacity.memory_mib:
        return AttemptRefused(
            f"host {room.host} has no room for a machine of {size}: "
            f"{room.used_mib} of its {capacity.memory_mib} MiB are taken"
        )
    return None
