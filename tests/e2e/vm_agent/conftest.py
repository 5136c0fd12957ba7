"""Sandboxes in which the step runner's tests run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from libs.contracts.orders import JobOrder
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Sandbox, SandboxId, SandboxSpec
from tests.e2e.vm_agent.harness import Bench, Ran

RunJob = Callable[..., Awaitable[Ran]]


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = HostDriver(tmp_path / "sandboxes").create(SandboxSpec(SandboxId("s1")))
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
