"""How large machines may be on this host: what it has, shared by its slots, unless the operator says otherwise. Pure,
but for one reader of what the kernel says.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from libs.contracts.size import LEAST_MEMORY_MIB, Size

HOST_SHARE = 0.1
"""Of the memory, for the host itself, the agent and the VMMs' own needs."""
USUAL_CPUS, USUAL_MEMORY_MIB = 4, 4096
"""The most that a job is given without asking: a template of more takes longer to make and more disk, and the guest's
kernel spends a sixtieth of its memory on counting it."""
STEP_MIB = 256
"""Sizes that are derived end in a round number, so that a little more or less memory makes no new template."""
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@runtime_checkable
class FixedSize(Protocol):
    """A driver whose machines are of one size, and elsewhere: what this host has does not matter."""

    @property
    def fixed_size(self) -> Size: ...


class Capacity(msgspec.Struct, frozen=True):
    """`usual` is for a job that asks for nothing, `largest` the most that one may ask for, `memory_mib` is for all
    machines together."""

    usual: Size
    largest: Size
    memory_mib: int
    disk_bytes: int = 0
    """Of each machine, beside its image."""


def capacity(
    cpus: int, memory_mib: int, slots: int, *, usual: Size | None = None, largest: Size | None = None
) -> Capacity:
    """What is given holds as far as the host has it; a machine never has more memory than the host."""
    room = max(LEAST_MEMORY_MIB, _round(int(memory_mib * (1 - HOST_SHARE))))
    whole = Size(max(1, cpus), room)
    share = Size(
        min(USUAL_CPUS, max(1, cpus // slots)), min(USUAL_MEMORY_MIB, max(LEAST_MEMORY_MIB, _round(room // slots)))
    )
    most = _at_most(largest or whole, Size(whole.cpus if largest is None else largest.cpus, room))
    return Capacity(usual=_at_most(usual or share, most), largest=most, memory_mib=room)


def elsewhere(size: Size, slots: int) -> Capacity:
    """Of a driver whose machines are not on this host: as many of that size as it has slots."""
    return Capacity(usual=size, largest=size, memory_mib=size.memory_mib * slots)


def host_memory_mib() -> int:
    """What the machine has, or what the container may use of it."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for place in _LIMITS:
        try:
            found.append(int(Path(place).read_text()))
        except (OSError, ValueError):
            continue
    return min(found) // 1024**2


def _at_most(size: Size, limit: Size) -> Size:
    return Size(min(size.cpus, limit.cpus), min(size.memory_mib, limit.memory_mib))


def _round(mib: int) -> int:
    return mib - mib % STEP_MIB
