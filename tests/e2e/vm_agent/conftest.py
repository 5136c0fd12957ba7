"""Sandboxes in which the step runner's tests run."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from libs.contracts.orders import JobOrder
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxId, SandboxSpec
from tests.contract.sandbox.ghost import GhostDriver
from tests.e2e.vm_agent.harness import Bench, Ran

RunJob = Callable[..., Awaitable[Ran]]


DRIVERS: dict[str, Callable[[Path], Driver]] = {"host": HostDriver, "ghost": GhostDriver}
"""The fastest, and the one whose files are nowhere on the host: the runner must not be able to tell."""


@pytest.fixture(params=DRIVERS)
async def sandbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    driver = DRIVERS[request.param](tmp_path / "sandboxes")
    probe = await driver.probe()
    if not probe.works:
        pytest.skip(probe.why)
    made = driver.create(SandboxSpec(SandboxId(f"test-{os.urandom(6).hex()}")))
    await made.start()
    yield made
    await made.destroy()


@pytest.fixture
def bench(sandbox: Sandbox, tmp_path: Path) -> Callable[..., Bench]:
    def make(given: JobOrder, **options: object) -> Bench:
        return Bench(sandbox, given, tmp_path, **options)  # pyright: ignore[reportArgumentType]

    return make


@pytest.fixture
def run_job(bench: Callable[..., Bench]) -> RunJob:
    async def run(given: JobOrder, **options: object) -> Ran:
        return await bench(given, **options).run()

    return run
