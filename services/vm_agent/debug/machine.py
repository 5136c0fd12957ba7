"""A kept machine made to stand again, for one debug session alone: each gets its own, and the save stays as it is.

Architecture invariant: what comes from a save is used for nothing else. Neither memory nor keys are written down; the
disk is opened into the machine's own folder, and goes with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from services.vm_agent.job.recipe import Story
from services.vm_agent.keep import extents
from services.vm_agent.keep.sealing import opened
from services.vm_agent.keep.store import DISK, MEMORY, STEPS, Kept, KeptStore
from services.vm_agent.sandbox.machine.saving import Reviver, Source
from services.vm_agent.sandbox.protocol import Driver, NotCapable, Sandbox, SandboxError, SandboxId

STORY_BYTES = 64 * 1024**2
"""The recipes of a job's steps are scripts and variables: more is no story."""


@runtime_checkable
class Interactive(Protocol):
    """A command with a terminal."""

    async def feed(self, data: bytes) -> bool: ...
    def resize(self, rows: int, columns: int) -> None: ...


class Revived:
    """`what` it has of the job, and what the user must be told."""

    def __init__(self, machine: Sandbox, kept: Kept, story: Story, *, whole: bool, note: str) -> None:
        self.machine, self.kept, self.story, self.whole, self.note = machine, kept, story, whole, note


async def revived(driver: Driver, store: KeptStore, kept: Kept, name: SandboxId) -> Revived:
    """Not started yet. Raises SandboxError, Missing, Damaged."""
    if not isinstance(driver, Reviver):
        raise NotCapable(f"the driver {driver.name} of this host starts no kept machines; qemu does")
    place, key = store.open(kept)
    story = await _story(place, key)

    async def make_disk(path: str) -> None:
        await extents.write(path, opened(place / DISK, key, DISK))

    def memory() -> AsyncIterator[bytes]:
        return opened(place / MEMORY, key, MEMORY)

    disk_alone = Source(make_disk)
    if kept.what == "disk":
        note = "the job was given a secret: its work disk was kept, its memory and processes were not"
        return Revived(driver.revive(name, kept.saved, disk_alone), kept, story, whole=False, note=note)
    try:
        machine = driver.revive(name, kept.saved, Source(make_disk, memory))
    except SandboxError as error:
        machine = driver.revive(name, kept.saved, disk_alone)
        return Revived(machine, kept, story, whole=False, note=f"only its disk: {error}")
    return Revived(machine, kept, story, whole=True, note="")


async def _story(place: Path, key: bytes) -> Story:
    content = bytearray()
    async for piece in opened(place / STEPS, key, STEPS):
        content += piece
        if len(content) > STORY_BYTES:
            raise SandboxError("the recipes of its steps are too large")
    return msgspec.json.decode(content, type=Story)
