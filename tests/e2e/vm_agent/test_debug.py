"""Debug sessions over the bus: what was kept comes back for one session, and is gone with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libs.contracts.debug import DebugReady, OpenDebug
from libs.contracts.host import DebugOpened, VmDestroyed, VmKept
from libs.contracts.ids import HostId
from services.cli.debug_session import DebugSession
from services.cli.outcome import Failed
from services.vm_agent.sandbox.machine.saving import SavedAs, Source
from services.vm_agent.sandbox.protocol import Ready, Sandbox, SandboxId, SandboxSpec
from tests.e2e.vm_agent.agent_harness import HOST, Running, address, agent
from tests.e2e.vm_agent.test_keeping import SavableTwin, SavingDriver, failed, of_kind

KEEPING = {"FIREBREAK_POOL": "0", "FIREBREAK_KEEP_FAILED": "2:1h"}

GONE_SECONDS = 10.0


class RevivedTwin(SavableTwin):
    """Its disk is a file in its workspace's folder."""

    source: Source

    async def start(self) -> Ready:
        ready = await super().start()
        await self.source.disk(self.paths.work + "/disk")
        if self.source.memory is not None:
            pieces = [piece async for piece in self.source.memory()]
            await self.write_file(self.paths.work + "/memory", b"".join(pieces))
        return ready


class RevivingDriver(SavingDriver):
    def revive(self, name: SandboxId, saved: SavedAs, source: Source) -> Sandbox:
        spec = SandboxSpec(name, memory_bytes=512 * 1024**2, cpus=1, disk_bytes=1024**3)
        made = self.machines[name] = RevivedTwin(spec, self.place / name, self)
        made.source = source
        return made


class Shown:
    def __init__(self) -> None:
        self.data = b""
        self.said: DebugReady | None = None

    def ready(self, said: DebugReady) -> None:
        self.said = said

    async def show(self, data: bytes) -> None:
        self.data += data

    async def keys(self) -> bytes:
        await asyncio.Event().wait()
        return b""


async def gone(driver: SavingDriver) -> None:
    """Until the failed job's own twin is removed: it is a driver of processes that are known by the folder they name,
    and the story of the failed step, which a session goes on with, names that folder too."""
    async with asyncio.timeout(GONE_SECONDS):
        while driver.place.exists() and any(driver.place.iterdir()):
            await asyncio.sleep(0.01)


async def ask(running: Running, command: str, attempt: str = address()) -> tuple[int, Shown]:
    shown = Shown()
    session = DebugSession(running.bus, HostId(HOST), shown)
    return await session.run(OpenDebug(attempt, by="ada", command=command)), shown


async def test_disk_and_memory_come_back_and_the_machine_goes_with_the_session(tmp_path: Path) -> None:
    driver = RevivingDriver(tmp_path / "machines")
    async with agent(tmp_path, driver=driver, settings=KEEPING) as running:
        await failed(running)
        await gone(driver)
        for _ in range(2):
            code, shown = await ask(running, "exit 7")
            assert code == 7
            assert shown.said is not None
            assert shown.said.what == "memory"
        assert not [machine for name, machine in driver.machines.items() if name.startswith("debug") and machine.stands]
    events = await running.host_events()
    opened, kept = of_kind(events, DebugOpened), of_kind(events, VmKept)
    assert {(event.by, event.attempt, event.kept) for event in opened} == {("ada", address(), kept[0].vm)}
    assert {event.vm for event in opened} <= {event.vm for event in of_kind(events, VmDestroyed)}
    assert len({event.vm for event in opened}) == 2


async def test_what_is_not_kept_is_said(tmp_path: Path) -> None:
    async with agent(tmp_path, driver=RevivingDriver(tmp_path / "machines"), settings=KEEPING) as running:
        await failed(running)
        with pytest.raises(Failed, match=r"nothing is kept of ev\.attempt\.h1"):
            await ask(running, "true", address(9))
