"""A step that failed because memory or disk ran out says so, in its log and in its event."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from libs.contracts.attempt import StepFinished
from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.host import HostDriver, HostSandbox
from services.vm_agent.sandbox.protocol import Capability, Exec, Exit, Output, SandboxId, SandboxSpec
from tests.e2e.vm_agent.agent_harness import address, agent, job
from tests.e2e.vm_agent.harness import Bench, Ran, order, step

MEMORY_BYTES = 64 * 1024**2
GREEDY = "python3 -c 'print(len(bytearray(400 * 1024 * 1024)))'"


async def ran_in(sandbox: HostSandbox, folder: Path, script: str) -> Ran:
    await sandbox.start()
    try:
        return await Bench(sandbox, order(step(script)), folder).run()
    finally:
        await sandbox.destroy()


def named() -> SandboxId:
    return SandboxId(f"test-{os.urandom(6).hex()}")


async def test_a_step_that_was_killed_for_memory_says_so(tmp_path: Path) -> None:
    sandbox = HostDriver(tmp_path / "sandboxes").create(SandboxSpec(named(), memory_bytes=MEMORY_BYTES))
    await sandbox.start()
    limited = Capability.LIMITS in sandbox.capabilities
    await sandbox.destroy()
    if not limited:
        pytest.skip("this user may not make cgroups with the memory controller; as root or with delegation it may")
    sandbox = HostDriver(tmp_path / "sandboxes").create(SandboxSpec(named(), memory_bytes=MEMORY_BYTES))
    ran = await ran_in(sandbox, tmp_path, GREEDY)
    (finished,) = ran.record.steps
    assert finished.why == (
        "A process was ended because the job's memory is used up. Process completed with exit code 137."
    )
    assert f"##[error]{finished.why}" in ran.printed()
    assert finished.category == "out of memory"


class FullExec:
    """A command after whose end the guest found a file system without room."""

    def __init__(self, inner: Exec) -> None:
        self._inner = inner
        self.signal = inner.signal

    async def wait(self) -> Exit:
        return msgspec.structs.replace(await self._inner.wait(), full=("/home/runner/work",))


class FullSandbox(HostSandbox):
    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        return FullExec(await super().exec(argv, env=env, cwd=cwd, output=output, user=user))


async def test_a_step_that_failed_on_a_full_disk_says_so(tmp_path: Path) -> None:
    name = named()
    ran = await ran_in(FullSandbox(SandboxSpec(name), tmp_path / name, []), tmp_path, "exit 2")
    (finished,) = ran.record.steps
    assert finished.why == "No space is left in /home/runner/work. Process completed with exit code 2."
    assert f"##[error]{finished.why}" in ran.printed()
    assert finished.category == "disk full"


async def test_a_step_that_succeeded_on_a_full_disk_succeeded(tmp_path: Path) -> None:
    name = named()
    ran = await ran_in(FullSandbox(SandboxSpec(name), tmp_path / name, []), tmp_path, "true")
    assert (ran.outcomes, ran.record.steps[0].why) == (["success"], "")


async def test_without_machines_a_label_limits_the_job_where_it_can(tmp_path: Path) -> None:
    async with agent(tmp_path) as running:
        await running.give(job(step(GREEDY), labels=("firebreak-1cpu-256mb",)))
        events = await running.ended(address())
    (finished,) = [event for event in events if isinstance(event, StepFinished)]
    made = cgroups.make(cgroups.usable(), f"firebreak.test-{os.urandom(4).hex()}", memory_bytes=1, cpus=1, processes=1)
    for folder in made.folders:
        cgroups.remove(folder)
    if not made.limited:
        pytest.skip("this user may not make cgroups with cpu, memory and pids; as root or with delegation it may")
    assert "memory is used up" in finished.why
