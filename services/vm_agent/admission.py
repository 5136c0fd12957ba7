"""Whether this host takes an order, and in what it runs. Pure; a refusal is nobody's error, and says if it is final."""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.attempt import AttemptRefused
from libs.contracts.ids import HostId
from libs.contracts.orders import JobOrder
from services.vm_agent.sandbox.protocol import SandboxId, SandboxSpec


@dataclass(frozen=True, slots=True)
class Room:
    """The host as it is now. `isolation` is the driver's sentence about itself."""

    host: HostId
    slots: int
    used: int
    draining: bool
    driver: str
    takes_forks: bool
    isolation: str


def spec_of(order: JobOrder, name: SandboxId) -> SandboxSpec:
    """What the driver is asked for. Code that nobody vetted gets no network: as long as no driver has one of its own
    to give, it would be the host's, with the bus and the neighbours on it.
    """
    return SandboxSpec(name, network=order.trust == "own")


def refusal(order: JobOrder, room: Room) -> AttemptRefused | None:
    if order.host != room.host:
        return AttemptRefused(f"the order is for host {order.host}, this is {room.host}", permanent=True)
    if order.trust != "own" and not room.takes_forks:
        why = f"driver '{room.driver}' does not run code from forks ({room.isolation}); use bubblewrap or a microVM"
        return AttemptRefused(why, permanent=True)
    if room.draining:
        return AttemptRefused(f"host {room.host} is draining")
    if room.used >= room.slots:
        return AttemptRefused(f"host {room.host} has no free slot ({room.slots} in use)")
    return None
