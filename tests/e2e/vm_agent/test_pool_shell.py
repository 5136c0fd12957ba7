"""The pool's tasks, with machines that resist, hang and are replaced; time is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from libs.contracts.host import HostEvent, TemplateBuilt, VmDestroyed, VmPooled
from libs.contracts.size import Size
from services.vm_agent.custody import Custody
from services.vm_agent.guard import NoGuard
from services.vm_agent.journal import Journal
from services.vm_agent.pool import core
from services.vm_agent.pool.shell import STOPPED, WarmPool
from services.vm_agent.pool.state import pools_of
from services.vm_agent.sandbox.protocol import Exec, Sandbox, SandboxId, SandboxLost, SandboxSpec, Shape
from tests.e2e.vm_agent.machines import TwinDriver, TwinMachine

SHAPE = Shape(Size(1, 512), "own", network=True, disk_bytes=1)
DEADLINE_SECONDS = 10.0


class Watched(NoGuard):
    """A guard that only remembers whom it stands beside."""

    def __init__(self) -> None:
        self.sandboxes: set[SandboxId] = set()

    def register(self, sandbox: Sandbox) -> None:
        self.sandboxes.add(sandbox.id)

    def unregister(self, sandbox_id: SandboxId) -> None:
        self.sandboxes.discard(sandbox_id)


@dataclass
class Stage:
    driver: TwinDriver
    guard: Watched = field(default_factory=Watched)
    told: list[HostEvent] = field(default_factory=list[HostEvent])
    now: float = 0.0
    pool: WarmPool = field(init=False)

    def ends(self) -> list[tuple[str, str]]:
        return [(event.vm, event.why) for event in self.told if isinstance(event, VmDestroyed)]

    async def until(self, holds: Callable[[], object]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not holds():
                await asyncio.sleep(0.005)

    async def full(self) -> None:
        await self.until(lambda: self.pool.states()[0].ready == 2)


@asynccontextmanager
async def stage(driver: TwinDriver, folder: Path) -> AsyncIterator[Stage]:
    made = Stage(driver)
    journal = Journal(folder / "journal")
    made.pool = WarmPool(
        driver,
        pools_of({SHAPE: 2}, 4096, "pool"),
        custody=Custody(journal, made.guard),
        tell=made.told.append,
        clock=lambda: made.now,
    )
    running = asyncio.create_task(made.pool.run())
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait({running})
        journal.close()
    assert not made.pool.held()


@pytest.fixture
def driver(tmp_path: Path) -> TwinDriver:
    return TwinDriver(tmp_path / "sandboxes")


async def test_what_stands_is_watched_and_told_and_its_end_too(driver: TwinDriver, tmp_path: Path) -> None:
    async with stage(driver, tmp_path) as at:
        await at.full()
        stood = {event.vm for event in at.told if isinstance(event, VmPooled)}
        assert at.guard.sandboxes == set(at.pool.held()) == stood
    assert set(at.ends()) == {(vm, STOPPED) for vm in stood}
    assert not at.guard.sandboxes


async def test_another_image_is_noticed_and_all_machines_are_of_it(driver: TwinDriver, tmp_path: Path) -> None:
    async with stage(driver, tmp_path) as at:
        await at.full()
        old = set(at.pool.held())
        driver.another_image("image-2")
        at.now += core.CHECK_SECONDS
        await at.until(lambda: at.pool.states()[0].image == "image-2" and at.pool.states()[0].ready == 2)
        await at.until(lambda: not old & set(at.pool.held()))
        assert {why for vm, why in at.ends() if vm in old} == {core.OUTDATED}
        assert [event.image for event in at.told if isinstance(event, TemplateBuilt)] == ["image-1", "image-2"]


async def test_one_that_died_unseen_is_replaced(driver: TwinDriver, tmp_path: Path) -> None:
    async with stage(driver, tmp_path) as at:
        await at.full()
        dead = driver.standing[0]
        dead.died = "its VMM ended"
        at.now += core.ASK_SECONDS
        await at.until(lambda: at.ends() and at.pool.states()[0].ready == 2)
        assert at.ends() == [(dead.id, "its VMM ended")]
        assert dead.id not in at.pool.held()


async def test_a_claimed_machine_is_the_pools_no_more(driver: TwinDriver, tmp_path: Path) -> None:
    async with stage(driver, tmp_path) as at:
        await at.full()
        claimed = at.pool.claim(SHAPE.spec(SandboxId("job-1")))
        assert claimed.id not in at.pool.held()
        await at.full()
    assert isinstance(claimed, TwinMachine)
    assert claimed.stands, "the job's machine was destroyed with the pool"
    assert claimed.id not in dict(at.ends())
    await claimed.destroy()


async def test_a_machine_that_resists_its_end_is_the_sweeps(driver: TwinDriver, tmp_path: Path) -> None:
    async with stage(driver, tmp_path) as at:
        await at.full()
        stubborn = driver.standing[0]

        async def resist() -> None:
            raise OSError("device is busy")

        destroy, stubborn.destroy = stubborn.destroy, resist  # type: ignore[method-assign]
        at.pool.drain(True)
        await at.until(lambda: not at.pool.held())
        assert stubborn.id not in dict(at.ends())
        assert stubborn.id in at.guard.sandboxes
        await destroy()


async def test_a_machine_that_stands_and_runs_no_command_is_not_ready(driver: TwinDriver, tmp_path: Path) -> None:
    class Deaf(TwinDriver):
        def create(self, spec: SandboxSpec) -> TwinMachine:
            made = super().create(spec)

            async def refuse(*_: object, **__: object) -> Exec:
                raise SandboxLost("the guest runs nothing")

            made.exec = refuse  # type: ignore[method-assign]
            return made

    async with stage(Deaf(tmp_path / "sandboxes"), tmp_path) as at:
        await at.until(lambda: at.pool.states()[0].trouble)
        assert at.pool.states()[0].trouble == "the guest runs nothing"
        assert at.pool.states()[0].ready == 0
    assert not [event for event in at.told if isinstance(event, VmPooled)]


async def test_an_end_while_a_machine_starts_leaves_nothing_of_it(driver: TwinDriver, tmp_path: Path) -> None:
    class Slow(TwinDriver):
        def create(self, spec: SandboxSpec) -> TwinMachine:
            made = super().create(spec)
            start = made.start

            async def slowly() -> object:
                await start()
                begun.set()
                return await asyncio.Event().wait()

            made.start = slowly  # type: ignore[method-assign]
            return made

    begun = asyncio.Event()
    slow = Slow(tmp_path / "sandboxes")
    async with stage(slow, tmp_path) as at:
        await begun.wait()
        assert at.pool.held()
    assert all(machine.destroyed for machine in slow.machines.values())
    assert not list((tmp_path / "sandboxes").iterdir())
    assert [event for event in at.told if not isinstance(event, TemplateBuilt)] == []


async def test_after_a_pause_of_all_every_machine_goes_on(driver: TwinDriver, tmp_path: Path) -> None:
    async with stage(driver, tmp_path) as at:
        await at.full()
        resumed: list[SandboxId] = []
        for machine in driver.standing:

            async def resume(name: SandboxId = machine.id) -> None:
                resumed.append(name)

            machine.resume = resume  # type: ignore[method-assign]
        await at.pool.resume()
        assert sorted(resumed) == sorted(at.pool.held())
