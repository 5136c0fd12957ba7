"""Saving a job's machine while it runs, and starting another one from what was saved, for whoever keeps what failed.

Memory is a stream: it never lies on a disk as it is, so that its keeper can seal it on the way. The work disk is a file
already, and is read where it lies while the machine stands still. Who may save what, and for how long, is not known
here; nor is a saved machine ever a template.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec

from libs.contracts.plan import Trust
from libs.contracts.size import Size
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId

Sink = Callable[[bytes], Awaitable[None]]
"""Takes the next piece; until it returns no more is read. What it raises ends the saving, and the machine goes on."""
DiskWork = Callable[[str], Awaitable[None]]
"""Reads, or makes, the file of a work disk at this path."""


class SavedAs(msgspec.Struct, frozen=True):
    """What must be known to start it again, beside memory and disk; no secret."""

    image: str
    fit: str
    """Names everything that must be equal on the host: the VMM, its version, the machine, the image."""
    size: Size
    trust: Trust
    network: bool
    disk_bytes: int


@dataclass(frozen=True, slots=True)
class Source:
    """What a machine is started from. `memory` None: a fresh machine gets the disk, and nothing runs that ran."""

    disk: DiskWork
    memory: Callable[[], AsyncIterator[bytes]] | None = None


@runtime_checkable
class Savable(Protocol):
    """A sandbox that can do it."""

    async def save(self, disk: DiskWork, memory: Sink | None = None) -> SavedAs:
        """The machine stands still meanwhile, and goes on whatever happens; without `memory`, what it had not written
        yet to its disk is written first. Raises SandboxLost, for instance while a command runs, and what the callers'
        own functions raise."""
        ...


@runtime_checkable
class Reviver(Protocol):
    """A driver that can do it."""

    def revive(self, name: SandboxId, saved: SavedAs, source: Source) -> Sandbox:
        """Not started yet; any number from one save. Raises SandboxError where nothing here fits it any more."""
        ...
