"""Pausing, limits, and the end: nothing of a sandbox is left, whatever its processes tried."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from services.vm_agent.sandbox import processes
from services.vm_agent.sandbox.protocol import (
    Capability,
    Driver,
    Exec,
    NotCapable,
    Sandbox,
    SandboxLost,
    SnapshotId,
)
from services.vm_agent.sandbox.run import run
from tests.contract.sandbox.conftest import new_spec, shell

COUNTING = "i=0; while :; do i=$((i+1)); echo $i > count.new; mv count.new count; sleep 0.01; done"


async def ignore(data: bytes) -> None:
    pass


async def start_counting(sandbox: Sandbox) -> Exec:
    """A process that tries to be hard to find: its own session, no parent."""
    argv = ["bash", "-c", f"setsid bash -c '{COUNTING}' > /dev/null & exec bash -c 'sleep 1000'"]
    process = await sandbox.exec(argv, env={}, cwd=sandbox.paths.work, output=ignore)
    await until_counted(sandbox, 1)
    return process


async def count(sandbox: Sandbox) -> int:
    return int(await sandbox.read_file(f"{sandbox.paths.work}/count") or b"0")


async def until_counted(sandbox: Sandbox, least: int) -> None:
    for _ in range(500):
        if await count(sandbox) >= least:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing was counted")


async def test_a_paused_sandbox_makes_no_progress_until_it_is_resumed(sandbox: Sandbox) -> None:
    if Capability.PAUSE not in sandbox.capabilities:
        with pytest.raises(NotCapable, match="can"):
            await sandbox.pause()
        return
    await start_counting(sandbox)
    footprint = sandbox.footprint
    await sandbox.pause()
    await sandbox.pause()
    before = _cpu_ticks(footprint)
    assert len(before) >= least_processes(sandbox)
    await asyncio.sleep(0.5)
    assert _cpu_ticks(footprint) == before
    await sandbox.resume()
    await sandbox.resume()
    await until_counted(sandbox, await count(sandbox) + 5)


def _cpu_ticks(footprint: processes.Footprint) -> dict[int, int]:
    ticks: dict[int, int] = {}
    for process in processes.members(footprint):
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks[process.pid] = int(fields[11]) + int(fields[12])
    return ticks


def least_processes(sandbox: Sandbox) -> int:
    """The guest's agent and its commands, as the host sees them: a machine with a kernel of its own is one process, and
    one that cannot be stopped from here has none here."""
    if Capability.PAUSE not in sandbox.capabilities:
        return 0
    return 1 if Capability.OWN_KERNEL in sandbox.capabilities else 2


async def until_gone(pid: int, started: int) -> None:
    """A cgroup is empty, and its processes run no more, a moment before the last of them is gone from /proc."""
    for _ in range(100):
        if not processes.alive(pid, started):
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{pid} lives on")


async def nothing(sandbox: Sandbox) -> None:
    pass


async def pause(sandbox: Sandbox) -> None:
    if Capability.PAUSE in sandbox.capabilities:
        await sandbox.pause()


@pytest.mark.parametrize("before", [nothing, pause])
async def test_the_end_leaves_no_process_no_file_no_cgroup(
    sandbox: Sandbox, tmp_path: Path, before: Callable[[Sandbox], object]
) -> None:
    process = await start_counting(sandbox)
    await shell(sandbox, "mkdir -p a/b && touch a/b/c && chmod 0 a/b && chmod 555 a")
    footprint = sandbox.footprint
    pids = {member.pid: member.started for member in processes.members(footprint)}
    assert len(pids) >= least_processes(sandbox)
    await before(sandbox)  # type: ignore[misc]
    await sandbox.destroy()
    with pytest.raises(SandboxLost):
        await process.wait()
    for pid, started in pids.items():
        await until_gone(pid, started)
    assert list((tmp_path / "sandboxes").iterdir()) == []
    assert [folder for folder in footprint.cgroups if os.path.exists(folder)] == []


async def test_destroy_is_idempotent_and_ends_all_use(sandbox: Sandbox) -> None:
    await sandbox.destroy()
    await sandbox.destroy()
    with pytest.raises(SandboxLost):
        await sandbox.exec(["true"], env={}, cwd="/", output=ignore)
    with pytest.raises(SandboxLost):
        await sandbox.read_file(sandbox.paths.work)
    with pytest.raises(SandboxLost):
        await sandbox.put(b"", sandbox.paths.work)
    with pytest.raises(SandboxLost):
        await sandbox.pause()


async def test_a_sandbox_that_was_never_started_is_destroyed_at_no_cost(driver: Driver, tmp_path: Path) -> None:
    sandbox = driver.create(new_spec())
    await sandbox.destroy()
    assert list((tmp_path / "sandboxes").glob("*")) == []


async def test_a_start_that_fails_leaves_nothing(driver: Driver, tmp_path: Path) -> None:
    spec = new_spec()
    first, second = driver.create(spec), driver.create(spec)
    await first.start()
    with pytest.raises(OSError, match="exists"):
        await second.start()
    assert await shell(first, "echo fine") == (0, "fine\n")
    await first.destroy()
    assert list((tmp_path / "sandboxes").iterdir()) == []


async def test_two_sandboxes_do_not_share_their_files(driver: Driver) -> None:
    one, other = driver.create(new_spec()), driver.create(new_spec())
    await asyncio.gather(one.start(), other.start())
    await one.write_file(f"{one.paths.work}/file", b"mine")
    assert await other.read_file(f"{other.paths.work}/file") is None
    await asyncio.gather(one.destroy(), other.destroy())


async def test_what_a_driver_cannot_do_it_says(sandbox: Sandbox) -> None:
    if Capability.SNAPSHOT in sandbox.capabilities:
        return
    with pytest.raises(NotCapable, match="microVM"):
        await sandbox.snapshot()
    with pytest.raises(NotCapable):
        await sandbox.restore(SnapshotId("any"))


async def test_a_memory_limit_that_is_held_ends_the_process_and_says_why(driver: Driver) -> None:
    sandbox = driver.create(new_spec(memory_bytes=512 * 1024**2))
    await sandbox.start()
    try:
        if Capability.LIMITS not in sandbox.capabilities or Capability.OWN_KERNEL in sandbox.capabilities:
            return  # It says so, and whoever needs the limit can look. What a machine has is its size.
        ended, _ = await run(sandbox, ["python3", "-c", "x = bytearray(1500 * 1024**2)"])
        assert ended.signal == signal.SIGKILL
        assert ended.out_of_memory
        # A step's shell outlives its child, and ends with the child's code.
        ended, _ = await run(sandbox, ["sh", "-c", "python3 -c 'x = bytearray(1500 * 1024**2)'; exit $?"])
        assert ended.code == 128 + signal.SIGKILL
        assert ended.out_of_memory
    finally:
        await sandbox.destroy()


FORKING = """
import os, sys, time
made = 0
for _ in range(60):
    try:
        pid = os.fork()
    except OSError:
        break
    if pid == 0:
        time.sleep(1)
        os._exit(0)
    made += 1
print(made)
"""
"""Bounded, unlike a fork bomb: should the limit not hold, the test fails and the machine lives on."""


async def test_a_limit_on_processes_is_held(driver: Driver) -> None:
    sandbox = driver.create(new_spec(processes=30))
    await sandbox.start()
    try:
        if Capability.LIMITS not in sandbox.capabilities or Capability.OWN_KERNEL in sandbox.capabilities:
            return
        _, made = await run(sandbox, ["python3", "-c", FORKING])
        assert 10 < int(made) < 30
    finally:
        await sandbox.destroy()
