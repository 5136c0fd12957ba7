"""A KVM host: `ev.host.<host_id>`, written by its agent alone; its heartbeat is `hb.<host_id>` on core NATS."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

import msgspec

from libs.contracts.ids import BootId, HostId
from libs.contracts.plan import Trust
from libs.contracts.size import Size, size_of_label

PROTOCOL_VERSION = 1
DEFAULT_GROUP = "Default"
"""GitHub's name for the group of runners that were put into no other."""
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
    largest: Size | None = None
    """The largest machine that a job may ask for by label; None where jobs get no machine of their own."""
    usual: Size | None = None
    """The machine of a job that asks for none."""
    memory_mib: int = 0
    """What all machines together may have; 0 where nobody counts."""
    group: str = DEFAULT_GROUP
    """The one group of hosts that it is in: `runs-on.group` asks for it, without case."""


class HostDraining(msgspec.Struct, frozen=True, tag="HostDraining"):
    """It takes nothing new. `undrained` takes that back."""

    by: str
    undrained: bool = False


class HostLeft(msgspec.Struct, frozen=True, tag="HostLeft"):
    boot_id: BootId
    why: str = ""


class TemplateBuilt(msgspec.Struct, frozen=True, tag="TemplateBuilt"):
    """A machine was booted, saved and thrown away, so that others can be restored from it. `key` names what it holds
    for: kernel, image, VMM, size, trust class."""

    vm: str
    key: str
    image: str
    size: Size
    trust: Trust
    phases_ms: dict[str, float] = {}


class VmPooled(msgspec.Struct, frozen=True, tag="VmPooled"):
    """A machine stands and answers before any job wants it."""

    vm: str
    image: str
    size: Size
    trust: Trust
    how: Literal["restored", "booted"]
    pid: int = 0
    phases_ms: dict[str, float] = {}


class VmDestroyed(msgspec.Struct, frozen=True, tag="VmDestroyed"):
    """A machine is gone, by its agent's will. `attempt` is the subject of the job that it served, "" for none."""

    vm: str
    why: str
    attempt: str = ""


class VmKept(msgspec.Struct, frozen=True, tag="VmKept"):
    """What a failed job left, encrypted, until `until`: memory and disk, or its work disk alone."""

    vm: str
    attempt: str
    until: datetime
    what: Literal["memory", "disk"]
    size_bytes: int
    step: int | None = None
    """The step that failed."""


class VmNotKept(msgspec.Struct, frozen=True, tag="VmNotKept"):
    """A failed job's machine could have been kept, and was not: why."""

    attempt: str
    why: str


class DebugOpened(msgspec.Struct, frozen=True, tag="DebugOpened"):
    """Somebody opened a shell in a kept machine."""

    vm: str
    kept: str
    attempt: str
    session: str
    by: str


class VmReaped(msgspec.Struct, frozen=True, tag="VmReaped"):
    """Something that belonged to nothing alive was found and removed."""

    vm: str
    what: str


def offers(labels: Collection[str], wanted: str, largest: Size | None = None) -> bool:
    """Whether a host with these labels offers the wanted one: by name, without case; a label that ends in `*` stands
    for every one that begins so (`ubuntu-*`). A size (`firebreak-2cpu-4gb`) is offered up to the host's largest.
    """
    size = size_of_label(wanted)
    if size is not None and largest is not None and size.fits(largest):
        return True
    name, mine = wanted.lower(), [label.lower() for label in labels]
    return name in mine or any(name.startswith(label[:-1]) for label in mine if label.endswith("*"))


HostEvent = (
    HostJoined
    | HostDraining
    | HostLeft
    | TemplateBuilt
    | VmPooled
    | VmDestroyed
    | VmReaped
    | VmKept
    | VmNotKept
    | DebugOpened
)


class PoolState(msgspec.Struct, frozen=True):
    """One warm pool as it is now; `hits` and `misses` since the agent began."""

    image: str
    size: Size
    trust: Trust
    target: int
    ready: int
    starting: int = 0
    hits: int = 0
    misses: int = 0
    template: str = ""
    """The key of its template, "" while there is none."""
    trouble: str = ""
    """Why it cannot be filled, "" where it can."""


class Heartbeat(msgspec.Struct, frozen=True):
    """Not an event: lost ones do not matter. `running` are the subjects of the attempts that this boot owns."""

    host: HostId
    boot_id: BootId
    slots: int
    free_slots: int
    running: tuple[str, ...] = ()
    draining: bool = False
    warm: tuple[str, ...] = ()
    pools: tuple[PoolState, ...] = ()
    free_mib: int | None = None
    """What is left of `HostJoined.memory_mib` for jobs; None where nobody counts."""
