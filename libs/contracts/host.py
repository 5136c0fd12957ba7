"""A KVM host: `ev.host.<host_id>`, written by its agent alone; its heartbeat is `hb.<host_id>` on core NATS."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from libs.contracts.ids import BootId, HostId

PROTOCOL_VERSION = 1
HEARTBEAT_SECONDS = 5.0
"""Often enough that 30 s of silence are six missed ones; rare enough that a hundred hosts are 20 messages a second."""


class HostJoined(msgspec.Struct, frozen=True, tag="HostJoined"):
    """A new boot of the agent: every attempt of an older boot is lost. `key` seals secrets to this host (X25519)."""

    host: HostId
    boot_id: BootId
    labels: tuple[str, ...]
    slots: int
    driver: str
    key: bytes
    protocol: int = PROTOCOL_VERSION
    clock_skew_ms: float = 0
    takes_forks: bool = False


class HostDraining(msgspec.Struct, frozen=True, tag="HostDraining"):
    """It takes nothing new. `undrained` takes that back."""

    by: str
    undrained: bool = False


class HostLeft(msgspec.Struct, frozen=True, tag="HostLeft"):
    boot_id: BootId
    why: str = ""


class VmDestroyed(msgspec.Struct, frozen=True, tag="VmDestroyed"):
    vm: str
    why: str


class VmReaped(msgspec.Struct, frozen=True, tag="VmReaped"):
    """Something that belonged to nothing alive was found and removed."""

    vm: str
    what: str


def offers(labels: Collection[str], wanted: str) -> bool:
    """Whether a host with these labels offers the wanted one: by name, without case; a label that ends in `*` stands
    for every one that begins so (`ubuntu-*`).
    """
    name, mine = wanted.lower(), [label.lower() for label in labels]
    return name in mine or any(name.startswith(label[:-1]) for label in mine if label.endswith("*"))


HostEvent = HostJoined | HostDraining | HostLeft | VmDestroyed | VmReaped


class Heartbeat(msgspec.Struct, frozen=True):
    """Not an event: lost ones do not matter. `running` are the subjects of the attempts that this boot owns."""

    host: HostId
    boot_id: BootId
    slots: int
    free_slots: int
    running: tuple[str, ...] = ()
    draining: bool = False
    warm: tuple[str, ...] = ()
