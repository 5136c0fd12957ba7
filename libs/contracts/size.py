"""How large a job's machine is, and the labels that ask for a size: `firebreak-2cpu-4gb` in `runs-on`.

Labels are the whole interface: a workflow that names one still runs wherever a host offers it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

MIB = 1024**2
PREFIX = "firebreak-"
_SIZE = re.compile(r"(\d{1,3})cpu-(\d{1,6})(gb|mb)", re.IGNORECASE)
LEAST_MEMORY_MIB = 256
"""A guest with less does not get as far as its agent."""


class Size(msgspec.Struct, frozen=True, order=True):
    """Processors, and the memory of the machine as the guest's kernel gets it, in MiB."""

    cpus: int
    memory_mib: int

    def __str__(self) -> str:
        """The form that `parse_size` reads: `2cpu-4gb`, `1cpu-512mb`."""
        gib, rest = divmod(self.memory_mib, 1024)
        return f"{self.cpus}cpu-{self.memory_mib}mb" if rest else f"{self.cpus}cpu-{gib}gb"

    @property
    def memory_bytes(self) -> int:
        return self.memory_mib * MIB

    def fits(self, limit: Size) -> bool:
        return self.cpus <= limit.cpus and self.memory_mib <= limit.memory_mib


def parse_size(text: str) -> Size | None:
    """None where it is no size: not of the form, no processor, or less memory than LEAST_MEMORY_MIB."""
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    cpus, amount, unit = match.groups()
    size = Size(int(cpus), int(amount) * (1024 if unit.lower() == "gb" else 1))
    return size if size.cpus >= 1 and size.memory_mib >= LEAST_MEMORY_MIB else None


def asked(labels: Iterable[str]) -> Size | None:
    """The size that a job's labels ask for, None for none; of several the largest, for whoever only counts."""
    return max(sizes_of(labels), default=None)


def sizes_of(labels: Iterable[str]) -> set[Size]:
    """The different sizes that a job's labels ask for; more than one is a contradiction."""
    return {size for label in labels if (size := size_of_label(label)) is not None}


def size_of_label(label: str) -> Size | None:
    """The size that a label of `runs-on` asks for; None where it asks for none."""
    return parse_size(label[len(PREFIX) :]) if label.lower().startswith(PREFIX) else None
