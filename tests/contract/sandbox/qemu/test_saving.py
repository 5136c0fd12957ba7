"""A machine that is saved goes on; what was saved goes on too, elsewhere, any number of times, and changes nothing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from services.vm_agent.sandbox.machine.disk import copy_sparse
from services.vm_agent.sandbox.machine.saving import Reviver, Savable, SavedAs, Source
from services.vm_agent.sandbox.protocol import SandboxLost
from services.vm_agent.sandbox.qemu.sandbox import QemuSandbox
from tests.contract.sandbox.conftest import MachineDriver, new_spec, shell

COUNTING = "i=0; while :; do i=$((i+1)); echo $i > /tmp/count.new; mv /tmp/count.new /tmp/count; sleep 0.05; done"
MIB = 1024**2


class Kept:
    """Where a save went: memory in pieces, the disk as a file."""

    def __init__(self, folder: Path) -> None:
        self.pieces: list[bytes] = []
        self.disk = folder / "kept-disk"

    async def take(self, data: bytes) -> None:
        self.pieces.append(data)

    async def take_disk(self, path: str) -> None:
        await asyncio.to_thread(copy_sparse, path, str(self.disk))

    async def give_disk(self, path: str) -> None:
        await asyncio.to_thread(copy_sparse, str(self.disk), path)

    async def give(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    def source(self, *, memory: bool = True) -> Source:
        return Source(self.give_disk, self.give if memory else None)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


async def leave_traces(machine: QemuSandbox) -> None:
    """On the work disk, in memory, and as a process that goes on."""
    await machine.write_file("/home/runner/work/left", b"on the disk")
    await machine.write_file("/home/runner/left", b"in memory")
    await shell(machine, f"setsid sh -c '{COUNTING}' > /dev/null 2>&1 &")


async def count(machine: QemuSandbox) -> int:
    return int((await machine.read_file("/tmp/count")) or b"0")


async def revived(driver: MachineDriver, saved: SavedAs, source: Source) -> QemuSandbox:
    machine = driver.revive(new_spec().id, saved, source)
    await machine.start()
    return machine


async def test_a_machine_is_put_back_to_where_it_was_saved(machine: QemuSandbox) -> None:
    await leave_traces(machine)
    first = await machine.snapshot()
    await machine.write_file("/home/runner/work/left", b"changed")
    await machine.write_file("/home/runner/left", b"changed")
    assert await shell(machine, "cat /home/runner/work/left") == (0, "changed")
    await machine.restore(first)
    assert await machine.read_file("/home/runner/work/left") == b"on the disk"
    assert await machine.read_file("/home/runner/left") == b"in memory"
    second = await machine.snapshot()
    await machine.restore(first)
    await machine.restore(second)
    before = await count(machine)
    await asyncio.sleep(0.5)
    assert await count(machine) > before


async def test_nothing_is_saved_while_a_command_runs(machine: QemuSandbox) -> None:
    async def ignore(data: bytes) -> None:
        return

    running = await machine.exec(["sleep", "5"], env={}, cwd="/", output=ignore)
    with pytest.raises(SandboxLost, match="while a command runs"):
        await machine.snapshot()
    await running.signal(signal.SIGKILL)
    await running.wait()


async def test_what_was_saved_goes_on_elsewhere_and_so_does_the_machine(
    driver: MachineDriver, machine: QemuSandbox, kept: Kept
) -> None:
    assert isinstance(machine, Savable)
    assert isinstance(driver, Reviver)
    await leave_traces(machine)
    saved = await machine.save(kept.take_disk, kept.take)
    assert 50 * MIB < sum(map(len, kept.pieces)) < 600 * MIB
    await machine.write_file("/home/runner/work/left", b"changed")
    others = [await revived(driver, saved, kept.source()) for _ in range(2)]
    try:
        for other in others:
            assert await other.read_file("/home/runner/work/left") == b"on the disk"
            assert await other.read_file("/home/runner/left") == b"in memory"
            before = await count(other)
            await asyncio.sleep(0.5)
            assert await count(other) > before
        names = {await shell(one, "cat /etc/machine-id; hostname") for one in (machine, *others)}
        assert len(names) == 3
    finally:
        for other in others:
            await other.destroy()
    assert await machine.read_file("/home/runner/work/left") == b"changed"
    assert await shell(machine, "echo fine") == (0, "fine\n")


async def test_a_disk_alone_is_given_to_a_fresh_machine(
    driver: MachineDriver, machine: QemuSandbox, kept: Kept
) -> None:
    await leave_traces(machine)
    saved = await machine.save(kept.take_disk)
    other = await revived(driver, saved, kept.source(memory=False))
    try:
        assert await other.read_file("/home/runner/work/left") == b"on the disk"
        assert await other.read_file("/home/runner/left") is None
    finally:
        await other.destroy()


async def test_a_save_that_is_given_up_leaves_the_machine_as_it_was(machine: QemuSandbox, kept: Kept) -> None:
    class TooMuch(Exception):
        pass

    async def refuse(data: bytes) -> None:
        raise TooMuch

    with pytest.raises(TooMuch):
        await machine.save(kept.take_disk, refuse)
    assert await shell(machine, "echo fine") == (0, "fine\n")
    await machine.save(kept.take_disk, kept.take)
    assert await shell(machine, "echo fine") == (0, "fine\n")


async def test_a_save_that_is_cut_is_no_machine(
    driver: MachineDriver, machine: QemuSandbox, kept: Kept, tmp_path: Path
) -> None:
    saved = await machine.save(kept.take_disk, kept.take)
    kept.pieces = kept.pieces[: len(kept.pieces) // 2]
    with pytest.raises(SandboxLost, match="was not started"):
        await revived(driver, saved, kept.source())
    assert [place.name for place in (tmp_path / "sandboxes").iterdir()] == [machine.id]


async def test_what_another_qemu_saved_is_refused(driver: MachineDriver, machine: QemuSandbox, kept: Kept) -> None:
    saved = await machine.save(kept.take_disk, kept.take)
    with pytest.raises(SandboxLost, match="fits no more"):
        driver.revive(new_spec().id, msgspec.structs.replace(saved, fit="another"), kept.source())
