"""A QEMU machine of the tests' image that stands for as long as a test needs it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.contracts.size import Size
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId, SandboxSpec
from services.vm_agent.sandbox.qemu.driver import QemuDriver
from tests.images import NAME

DISK_BYTES = 2 * 1024**3


@asynccontextmanager
async def qemu_machine(folder: Path, images: Path, size: Size) -> AsyncIterator[Sandbox]:
    driver = QemuDriver(Premises(folder, images, image=NAME))
    probe = await driver.probe()
    if not probe.works:
        pytest.skip(f"{probe.why} (make vm)")
    spec = SandboxSpec(
        SandboxId(f"test-{os.urandom(6).hex()}"),
        memory_bytes=size.memory_bytes,
        cpus=size.cpus,
        disk_bytes=DISK_BYTES,
        trust="own",
    )
    made = driver.create(spec)
    await made.start()
    yield made
    await made.destroy()
