"""What every attack is tried beside: an honest sandbox of the same process, and a watch on that process itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxLost
from services.vm_agent.sandbox.run import run
from tests.contract.sandbox.conftest import new_spec
from tests.contract.sandbox.hostile.machine import HostileMachine

MEMORY_BYTES = 24 * 1024**2
"""What an attack may cost the host's process at its peak. A window and what is read ahead are 2 MiB; the rest is what
the process itself takes meanwhile."""
HELD_SECONDS = 1.0
"""So long at most may an attack keep other sandboxes' words waiting, on a machine that other tests share."""
ATTACK_SECONDS = 15.0
ENDS_SECONDS = 5.0
HONEST = "echo 1; sleep 0.05; echo 2"

Attack = Callable[..., HostileMachine]


@pytest.fixture
def hostile(tmp_path: Path) -> Attack:
    def make(attack: str, said: bytes = b"") -> HostileMachine:
        return HostileMachine(attack, tmp_path / "hostile", said)

    return make


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def honest(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """One for all attacks, which it outlives; with a guest protocol of its own where the machine has bubblewrap."""
    folder = tmp_path_factory.mktemp("honest")
    driver: Driver = BubblewrapDriver(folder)
    if not (await driver.probe()).works:
        driver = HostDriver(folder)
    made = driver.create(new_spec())
    await made.start()
    yield made
    await made.destroy()


@dataclass
class Cost:
    memory_bytes: int = 0
    held_seconds: float = 0.0


@contextlib.asynccontextmanager
async def beside(honest: Sandbox) -> AsyncGenerator[Cost]:
    """Whatever happens inside: the honest sandbox runs its command, and this process stays small and quick."""
    cost = Cost()
    before = _resident()
    watch = asyncio.create_task(_watch(cost))
    command = asyncio.create_task(run(honest, ["sh", "-c", HONEST]))
    try:
        async with asyncio.timeout(ATTACK_SECONDS):
            yield cost
            ended, output = await command
    finally:
        watch.cancel()
        command.cancel()
    cost.memory_bytes -= before
    assert (ended.code, output) == (0, b"1\n2\n")
    assert cost.memory_bytes < MEMORY_BYTES, f"the host's process grew by {cost.memory_bytes / 1024**2:.0f} MiB"
    assert cost.held_seconds < HELD_SECONDS


async def ends(machine: HostileMachine) -> None:
    """Its process is killed without anybody's asking, and nothing is left after `destroy`."""
    init, folder = machine.footprint.init, machine.footprint.folder
    if folder:
        async with asyncio.timeout(ENDS_SECONDS):
            while os.path.exists(f"/proc/{init}"):
                await asyncio.sleep(0.01)
    await machine.destroy()
    assert not folder or not os.path.exists(folder)
    with pytest.raises(SandboxLost):
        await machine.read_file("/x")


async def _watch(cost: Cost) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        before = clock()
        await asyncio.sleep(0.005)
        cost.held_seconds = max(cost.held_seconds, clock() - before)
        cost.memory_bytes = max(cost.memory_bytes, _resident())


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
