"""Machines from one template, one after the other: each gets links to its files, which must not make it another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.contracts.size import Size
from services.vm_agent.sandbox.machine.sandbox import DISK_BYTES
from services.vm_agent.sandbox.protocol import Shape
from tests.contract.sandbox.conftest import FakeFirecrackerDriver, new_spec, shell

SHAPE = Shape(Size(1, 512), "fork", True, DISK_BYTES)


@pytest.fixture
async def driver(tmp_path: Path) -> FakeFirecrackerDriver:
    made = FakeFirecrackerDriver(tmp_path / "sandboxes")
    probe = await made.probe()
    if not probe.works:
        pytest.skip(f"{probe.why} (make vm)")
    return made


async def test_every_machine_after_the_first_is_restored(driver: FakeFirecrackerDriver) -> None:
    assert await driver.prepare(SHAPE) is not None
    for _ in range(3):
        machine = driver.create(new_spec())
        try:
            assert (await machine.start()).how == "restored"
            assert await shell(machine, "echo here") == (0, "here\n")
        finally:
            await machine.destroy()
    assert await driver.prepare(SHAPE) is None


async def test_what_machines_get_links_to_can_be_read_by_all_and_written_by_none(
    driver: FakeFirecrackerDriver, tmp_path: Path
) -> None:
    """Each machine is a user of its own, and none is the files' owner."""
    made = await driver.prepare(SHAPE)
    assert made is not None
    files = [tmp_path / "templates" / made.key / name for name in ("memory", "state")]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o444, 0o444]
