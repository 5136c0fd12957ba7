"""Every sandbox test runs against each driver, with the kernel's cgroups and without, and against the ghost twin."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxId, SandboxSpec
from services.vm_agent.sandbox.run import run
from tests.contract.sandbox.ghost import GhostDriver

DRIVERS: Mapping[str, Callable[[Path], Driver]] = {
    "host": HostDriver,
    "host without cgroups": lambda folder: HostDriver(folder, hierarchies=[]),
    "bubblewrap": BubblewrapDriver,
    "bubblewrap without cgroups": lambda folder: BubblewrapDriver(folder, hierarchies=[]),
    "ghost": GhostDriver,
}


def new_spec(**limits: object) -> SandboxSpec:
    return SandboxSpec(id=SandboxId(f"test-{os.urandom(6).hex()}"), **limits)  # type: ignore[arg-type]


@pytest.fixture(params=DRIVERS)
async def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    made = DRIVERS[request.param](tmp_path / "sandboxes")
    probe = await made.probe()
    if not probe.works:
        pytest.skip(probe.why)
    return made


@pytest.fixture
async def sandbox(driver: Driver) -> AsyncIterator[Sandbox]:
    made = driver.create(new_spec())
    await made.start()
    yield made
    await made.destroy()


async def shell(sandbox: Sandbox, script: str, **env: str) -> tuple[int, str]:
    ended, output = await run(sandbox, ["sh", "-c", script], env=env)
    return ended.code, output.decode()
