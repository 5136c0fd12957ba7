"""Tests of what only a real machine has; they are skipped where no image was built."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.vm_agent.sandbox.qemu.sandbox import QemuSandbox
from tests.contract.sandbox.conftest import MachineDriver, new_spec


@pytest.fixture
async def driver(tmp_path: Path) -> MachineDriver:
    made = MachineDriver(tmp_path / "sandboxes")
    probe = await made.probe()
    if not probe.works:
        pytest.skip(f"{probe.why} (make vm)")
    return made


@pytest.fixture
async def machine(driver: MachineDriver) -> AsyncIterator[QemuSandbox]:
    made = driver.create(new_spec())
    await made.start()
    yield made
    await made.destroy()
