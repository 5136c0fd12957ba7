"""Machines of one template: none is another's twin, and no template is used that is not what was saved."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from services.vm_agent.sandbox.guest import identity
from services.vm_agent.sandbox.machine.template import DamagedTemplate, Template, check, verify
from services.vm_agent.sandbox.protocol import Ready, Shape
from services.vm_agent.sandbox.qemu.sandbox import QemuSandbox
from tests.contract.sandbox.conftest import DISK_BYTES, MEMORY_MIB, MachineDriver, Size, new_spec, shell

CLOCK_OFF_SECONDS = 0.1
WHO = "cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname; head -c 16 /dev/urandom | od -An -tx1"
SHAPE = Shape(Size(1, MEMORY_MIB), "fork", network=True, disk_bytes=DISK_BYTES)


@pytest.fixture
def template(driver: MachineDriver) -> Template:
    """The one that the driver would use."""
    machine = driver.create(new_spec())
    found = machine._template  # pyright: ignore[reportPrivateUsage]
    assert found is not None
    return found


async def two(driver: MachineDriver) -> tuple[list[QemuSandbox], list[Ready]]:
    machines = [driver.create(new_spec()) for _ in range(2)]
    return machines, await asyncio.gather(*(machine.start() for machine in machines))


async def test_two_clones_are_two_machines(driver: MachineDriver) -> None:
    machines, ready = await two(driver)
    try:
        assert [one.how for one in ready] == ["restored", "restored"]
        assert len({one.pid for one in ready}) == len({one.proof for one in ready}) == 2
        said = [(await shell(machine, WHO))[1].splitlines() for machine in machines]
        assert [len(lines) for lines in said] == [4, 4]
        assert all(mine != other for mine, other in zip(*said, strict=True)), said
        assert [lines[1] for lines in said] == [one.boot_id for one in ready]
        assert all(os.path.exists(f"/proc/{one.pid}") for one in ready)
    finally:
        for machine in machines:
            await machine.destroy()


async def test_a_clones_clock_is_the_hosts(machine: QemuSandbox) -> None:
    """Its template may be as old as it likes."""
    before = time.time()
    code, said = await shell(machine, "date +%s.%N")
    after = time.time()
    assert code == 0
    assert before - CLOCK_OFF_SECONDS < float(said) < after + CLOCK_OFF_SECONDS
    channel = machine._usable()  # pyright: ignore[reportPrivateUsage]
    off = [abs(await identity.clock_off_ns(channel)) for _ in range(5)]
    assert min(off) < CLOCK_OFF_SECONDS * 1e9


async def test_phases_are_told_in_order_and_add_up(driver: MachineDriver) -> None:
    machine = driver.create(new_spec())
    began = time.monotonic()
    try:
        ready = await machine.start()
        whole = (time.monotonic() - began) * 1000
        assert [*ready.phases_ms][:4] == ["prepared", "spawned", "monitor", "loaded"]
        assert 0.8 * whole < sum(ready.phases_ms.values()) <= whole
    finally:
        await machine.destroy()


async def test_a_template_is_made_once(driver: MachineDriver) -> None:
    assert await driver.prepare(SHAPE) is None


async def test_a_template_whose_memory_was_written_to_is_made_anew(driver: MachineDriver, template: Template) -> None:
    with open(template.memory, "r+b") as file:
        file.write(b"x")
    with pytest.raises(DamagedTemplate, match="written to after it was saved"):
        check(template)
    machine = driver.create(new_spec())
    try:
        assert (await machine.start()).how == "booted"
    finally:
        await machine.destroy()
    made = await driver.prepare(SHAPE)
    assert made is not None
    assert made.key == template.key


async def test_what_an_earlier_process_left_is_read_to_the_last_byte_before_it_is_counted_on(
    driver: MachineDriver, template: Template, tmp_path: Path
) -> None:
    """After a crash length and time may be right, and the bytes are not what was saved."""
    with open(template.memory, "r+b") as file:
        file.write(b"\0" * 4096 + b"x" * 4096)
    manifest = Path(template.folder) / "manifest.json"
    changed = os.stat(template.memory).st_ctime_ns
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "memory_changed_ns": changed}))
    left = driver.create(new_spec())._template  # pyright: ignore[reportPrivateUsage]
    assert left is not None, "length, time and state say nothing"
    with pytest.raises(DamagedTemplate):
        verify(left)

    later = MachineDriver(tmp_path / "sandboxes")
    await later.probe()

    assert await later.prepare(SHAPE) is None
    made = later.create(new_spec())._template  # pyright: ignore[reportPrivateUsage]
    assert made is not None
    verify(made)


async def test_restoring_leaves_the_template_as_it_was(
    driver: MachineDriver, template: Template, machine: QemuSandbox
) -> None:
    await shell(machine, "head -c 50000000 /dev/urandom > /tmp/file; sync")
    verify(template)


async def test_a_template_of_another_qemu_is_not_used(
    driver: MachineDriver, template: Template, tmp_path: Path
) -> None:
    """The same program under another version: the older template is not found, and stays until a new one is made."""
    driver._version = "6.0.0"  # pyright: ignore[reportPrivateUsage]
    machine = driver.create(new_spec())
    try:
        assert (await machine.start()).how == "booted"
    finally:
        await machine.destroy()
    assert Path(template.folder).is_dir()


async def test_a_manifest_that_names_another_key_is_no_template(driver: MachineDriver, template: Template) -> None:
    manifest = Path(template.folder) / "manifest.json"
    written = manifest.read_bytes()
    manifest.write_text(json.dumps({**json.loads(written), "key": "another"}))
    try:
        assert driver.create(new_spec())._template is None  # pyright: ignore[reportPrivateUsage]
    finally:
        manifest.write_bytes(written)
