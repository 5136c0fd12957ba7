"""What happens to the host under its machines: its disk fills, its templates are damaged or another VMM's, its agent is
killed again and again while it makes machines."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from libs.contracts.attempt import AttemptFinished
from libs.contracts.host import TemplateBuilt, VmPooled, VmReaped
from services.scheduler.policy import MAX_TRIES
from services.vm_agent.sandbox.machine.template import MANIFEST, MEMORY, STATE
from tests.chaos.system import FIRST_HOST, POLL_SECONDS, System, whole_system
from tests.e2e.machines import host_state
from tests.e2e.machines.conftest import SIZE
from tests.e2e.machines.test_many import settled
from tests.e2e.machines.test_push import host_events
from tests.images import NAME

Event = TypeVar("Event", TemplateBuilt, VmPooled, VmReaped)
RUN_SECONDS = 100.0
DISK_BYTES = 3 * 1024**3
"""Sparse: templates and machines use some hundreds of megabytes of it."""
MOMENTS_SECONDS = (0.5, 2.0, 5.0)
"""After a start of the agent: while it looks for leavings, boots a template, saves it or restores from it."""
ONE = """
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo done
"""


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """The agent's folder, on a file system of its own."""
    place = tmp_path / "home" / "agent"
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("no right to mount a file system: run as root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
async def system(small_home: Path, tmp_path: Path, images: Path) -> AsyncGenerator[System]:
    """Nothing of its machines is left at its end."""
    before = host_state.read(tmp_path / "home")
    async with whole_system(
        tmp_path,
        FIREBREAK_DRIVER="qemu",
        FIREBREAK_IMAGES=str(images),
        FIREBREAK_IMAGE=NAME,
        FIREBREAK_POOL="own=1",
        FIREBREAK_VM_SIZE=SIZE,
    ) as running:
        yield running
        await running.check()
    assert host_state.read(tmp_path / "home").since(before) == {}


async def told(system: System, kind: type[Event]) -> list[Event]:
    return [event for event in await host_events(system) if isinstance(event, kind)]


async def until_told(system: System, kind: type[Event], count: int) -> list[Event]:
    async with asyncio.timeout(RUN_SECONDS):
        while len(found := await told(system, kind)) < count:
            await asyncio.sleep(POLL_SECONDS)
    return found


async def succeeds(system: System) -> None:
    view = await system.finished(await system.start(ONE), RUN_SECONDS)
    assert view.conclusion == "success", (view.why, [job.why for job in view.jobs.values()])


@pytest.mark.machines_long
@pytest.mark.timeout(300)
async def test_the_pool_recovers_from_whatever_happens_to_its_host(system: System, small_home: Path) -> None:
    """One system for all of it."""
    await fill_the_disk(system, small_home)
    await spoil_the_templates(system, small_home)
    await kill_the_agent_at_many_moments(system, small_home)
    await kill_agent_and_watchdog_with_a_machine(system, small_home)


async def fill_the_disk(system: System, small_home: Path) -> None:
    await settled(system)
    filling = small_home / "filling"
    room = os.statvfs(small_home)
    with filling.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - 64 * 1024**2)
    await succeeds(system)  # by the machine that stood ready
    run_id = await system.start(ONE)
    view = await system.finished(run_id, RUN_SECONDS)
    assert view.conclusion == "error"
    ends = [
        event
        for subject, events in (await system.events()).items()
        if f".{run_id}." in subject
        for event in events
        if isinstance(event, AttemptFinished)
    ]
    assert [one.conclusion for one in ends] == ["error"] * MAX_TRIES, ends
    assert all("is full" in one.why and "FIREBREAK_HOME" in one.why for one in ends), ends

    filling.unlink()
    await succeeds(system)
    await settled(system)


async def spoil_the_templates(system: System, small_home: Path) -> None:
    templates = small_home / FIRST_HOST / "templates"
    (template,) = templates.iterdir()
    manifest = json.loads((template / MANIFEST).read_bytes())
    pooled = len(await told(system, VmPooled))
    # Under the running agent: the machine that stands is of the whole one, the next is not.
    with (template / MEMORY).open("r+b") as memory:
        memory.seek(64 * 1024**2)
        memory.write(os.urandom(4096))
    await succeeds(system)
    assert (await until_told(system, VmPooled, pooled + 1))[-1].how == "booted"

    # As an earlier QEMU left it: it has another key, so it is not used, and it does not stay.
    other = templates / "0123456789abcdef"
    other.mkdir()
    manifest = {**manifest, "key": other.name, "identity": ["qemu 6.0.0", *manifest["identity"][1:]]}
    (other / MANIFEST).write_text(json.dumps(manifest))
    for name in (MEMORY, STATE):
        (other / name).write_bytes(b"of another version")
    built = len(await told(system, TemplateBuilt))
    await system.kill("vm_agent")
    await until_told(system, TemplateBuilt, built + 1)
    await settled(system)
    await succeeds(system)
    assert not other.exists()


async def kill_the_agent_at_many_moments(system: System, small_home: Path) -> None:
    shutil.rmtree(small_home / FIRST_HOST / "templates")
    for place, moment in enumerate(MOMENTS_SECONDS):
        if place % 2:
            kill_watchdogs(system)
        await system.kill("vm_agent")
        await asyncio.sleep(moment)
    await settled(system)
    await succeeds(system)
    await settled(system)
    now = host_state.read(small_home.parent)
    assert [len(now.machines), len(now.namespaces), len(now.files)] == [1, 1, 1], now


async def kill_agent_and_watchdog_with_a_machine(system: System, small_home: Path) -> None:
    """Nobody is left to see it die but the next agent, which says what it found."""
    (pooled,) = host_state.read(small_home.parent).files
    kill_watchdogs(system)
    await system.kill("vm_agent")
    async with asyncio.timeout(RUN_SECONDS):
        while os.path.basename(pooled) not in {one.vm for one in await told(system, VmReaped)}:
            await asyncio.sleep(POLL_SECONDS)
    await settled(system)


def kill_watchdogs(system: System) -> None:
    for watchdog in watchdogs(system.machine.supervisor.pids()["vm_agent"]):
        os.kill(watchdog, signal.SIGKILL)


def watchdogs(agent: int) -> list[int]:
    """The processes that watch over this agent's sandboxes."""
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
                command = (place / "cmdline").read_text()
            except OSError:
                continue
            if "watchdog" in command and int(parent) == agent:
                found.append(int(place.name))
    return found
