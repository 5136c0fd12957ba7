"""An agent whose driver makes machines: pools, sizes, memory, and every machine's story in the host's log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from libs.contracts import subjects
from libs.contracts.attempt import AttemptFinished, AttemptRefused, VmReady
from libs.contracts.commands import DrainHost
from libs.contracts.envelope import encode
from libs.contracts.host import (
    Heartbeat,
    HostEvent,
    HostJoined,
    PoolState,
    TemplateBuilt,
    VmDestroyed,
    VmPooled,
    VmReaped,
)
from libs.contracts.ids import CommandId
from libs.contracts.size import Size
from services.vm_agent.__main__ import REAP_SECONDS
from services.vm_agent.pool import core
from services.vm_agent.pool.shell import FIRST_COMMAND
from tests.e2e.vm_agent.agent_harness import DEADLINE_SECONDS, HOST, Running, address, agent, job
from tests.e2e.vm_agent.harness import step
from tests.e2e.vm_agent.machines import IMAGE, TwinDriver

SETTINGS = {"FIREBREAK_POOL": "own=2", "FIREBREAK_VM_SIZE": "1cpu-512mb", "FIREBREAK_VM_LARGEST": "2cpu-1gb"}


@pytest.fixture
def driver(tmp_path: Path) -> TwinDriver:
    return TwinDriver(tmp_path / "home" / "agent" / HOST / "sandboxes")


@pytest.fixture
async def running(driver: TwinDriver, tmp_path: Path) -> AsyncIterator[Running]:
    async with agent(tmp_path, driver=driver, settings=SETTINGS) as one:
        yield one
    assert not driver.standing, "the agent left machines"
    assert all(machine.destroyed for machine in driver.machines.values())


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


async def told(running: Running, holds: Callable[[list[HostEvent]], bool]) -> list[HostEvent]:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not holds(events := await running.host_events()):
            await asyncio.sleep(0.01)
    return events


def of_kind(events: list[HostEvent], kind: type[HostEvent]) -> list[str]:
    return [event.vm for event in events if isinstance(event, kind)]  # type: ignore[union-attr]


async def ready(running: Running, n: int = 1) -> VmReady:
    return next(event for event in await running.ended(address(n)) if isinstance(event, VmReady))


async def beat(running: Running, holds: Callable[[Heartbeat], bool]) -> Heartbeat:
    async with asyncio.timeout(DEADLINE_SECONDS):
        async for _, data in running.bus.subscribe(subjects.heartbeat(HOST)):
            heard = msgspec.json.decode(data, type=Heartbeat)
            if holds(heard):
                return heard
    raise AssertionError("no heartbeat")


async def drain(running: Running, *, undrain: bool) -> None:
    command = DrainHost(CommandId(f"c-{undrain}"), HOST, by="test", undrain=undrain)
    await running.bus.enqueue(subjects.host_command(HOST), encode(command), message_id=command.id)


async def test_a_job_gets_a_machine_that_stood_ready_and_it_is_destroyed_afterwards(
    running: Running, driver: TwinDriver
) -> None:
    await told(running, lambda events: len(of_kind(events, VmPooled)) == 2)
    await running.give(job(step("true")))
    stood = await ready(running)
    assert (stood.how, stood.image) == ("pooled", IMAGE)
    events = await told(running, lambda events: bool(of_kind(events, VmDestroyed)))
    assert stood.vm in of_kind(events, VmPooled)
    (destroyed,) = [event for event in events if isinstance(event, VmDestroyed)]
    assert (destroyed.vm, destroyed.attempt, destroyed.why) == (stood.vm, address(), "its job is over")
    await until(lambda: len(driver.standing) == 2)
    assert [machine.ran for machine in driver.standing] == [[FIRST_COMMAND], [FIRST_COMMAND]]


async def test_the_template_is_told_before_any_machine_of_it(running: Running) -> None:
    events = await told(running, lambda events: len(of_kind(events, VmPooled)) == 2)
    kinds = [type(event) for event in events]
    assert kinds.index(TemplateBuilt) < kinds.index(VmPooled)
    (built,) = [event for event in events if isinstance(event, TemplateBuilt)]
    assert (built.size, built.trust, built.image) == (Size(1, 512), "own", IMAGE)


async def test_each_job_has_a_machine_of_its_own(running: Running) -> None:
    for n in range(1, 7):
        await running.give(job(step("true"), n=n))
        await running.ended(address(n))
    machines = [(await ready(running, n)).vm for n in range(1, 7)]
    assert len(set(machines)) == 6
    await told(running, lambda events: set(machines) <= set(of_kind(events, VmDestroyed)))


async def test_a_fork_never_gets_a_machine_of_the_own_pool(running: Running) -> None:
    await told(running, lambda events: len(of_kind(events, VmPooled)) == 2)
    await running.give(job(step("true"), trust="fork"))
    assert (await ready(running)).how == "restored"


async def test_a_size_of_its_own_is_made_when_it_is_wanted(running: Running, driver: TwinDriver) -> None:
    await running.give(job(step("true"), labels=("ubuntu-latest", "firebreak-2cpu-1gb")))
    stood = await ready(running)
    assert stood.how == "restored"
    spec = driver.machines[stood.vm].spec
    assert (spec.cpus, spec.memory_bytes, spec.trust) == (2, 1024**3, "own")


async def test_more_than_the_host_offers_is_refused_for_good(running: Running) -> None:
    await running.give(job(step("true"), labels=("firebreak-8cpu-32gb",)))
    (refused,) = await running.ended(address())
    assert isinstance(refused, AttemptRefused)
    assert refused.permanent
    assert refused.why == "the job asks for 8cpu-32gb, host h1 offers up to 2cpu-1gb"


async def test_one_that_died_while_it_waited_costs_the_job_nothing(running: Running, driver: TwinDriver) -> None:
    await told(running, lambda events: len(of_kind(events, VmPooled)) == 2)
    for machine in driver.standing:
        machine.died = "its VMM ended"
    await running.give(job(step("true")))
    events = await running.ended(address())
    assert isinstance(events[-1], AttemptFinished)
    assert events[-1].conclusion == "success"
    assert (await ready(running)).how == "restored"
    said = await told(running, lambda events: bool(of_kind(events, VmDestroyed)))
    assert "did not answer: its VMM ended" in next(e.why for e in said if isinstance(e, VmDestroyed))


async def test_what_cannot_be_made_is_said_in_the_heartbeat_and_jobs_still_run(
    driver: TwinDriver, tmp_path: Path
) -> None:
    driver.no_template = "the image is gone: firebreak image build"
    async with agent(tmp_path, driver=driver, settings=SETTINGS) as running:
        await running.give(job(step("true")))
        assert (await ready(running)).how == "restored"
        heard = await beat(running, lambda heard: bool(heard.pools[0].trouble))
    assert heard.pools[0].trouble == "no template: the image is gone: firebreak image build"
    assert (heard.pools[0].ready, heard.pools[0].template) == (0, "")


async def test_an_image_that_is_damaged_is_the_attempts_error_and_the_pool_recovers(
    running: Running, driver: TwinDriver
) -> None:
    driver.damaged = "root.squashfs has 3 bytes, 300 were built: firebreak image build"
    while driver.standing:
        driver.standing[0].died = "x"
        driver.standing[0].stands = False
    await running.give(job(step("true"), labels=("firebreak-2cpu-1gb",)))
    finished = (await running.ended(address()))[-1]
    assert isinstance(finished, AttemptFinished)
    assert (finished.conclusion, finished.why) == ("error", f"no sandbox: {driver.damaged}")
    driver.damaged = ""
    await running.give(job(step("true"), n=2))
    assert (await running.ended(address(2)))[-1].conclusion == "success"  # type: ignore[union-attr]


async def test_the_heartbeat_tells_of_pools_hits_and_misses(running: Running) -> None:
    await running.give(job(step("true"), n=1))
    await running.ended(address(1))
    await told(running, lambda events: len(of_kind(events, VmPooled)) >= 2)
    await running.give(job(step("true"), n=2))
    heard = await beat(running, lambda heard: heard.pools[0].hits + heard.pools[0].misses == 2 and bool(heard.warm))
    assert heard.pools[0].hits >= 1
    assert msgspec.structs.replace(heard.pools[0], ready=0, starting=0, hits=0, misses=0) == PoolState(
        IMAGE, Size(1, 512), "own", target=2, ready=0, template=f"key-{IMAGE}"
    )
    assert heard.warm == (IMAGE,)


async def test_a_draining_host_has_no_machines_and_an_undrained_one_has(running: Running, driver: TwinDriver) -> None:
    await told(running, lambda events: len(of_kind(events, VmPooled)) == 2)
    await drain(running, undrain=False)
    events = await told(running, lambda events: len(of_kind(events, VmDestroyed)) == 2)
    assert {event.why for event in events if isinstance(event, VmDestroyed)} == {core.DRAINED}
    assert not driver.standing
    await drain(running, undrain=True)
    await until(lambda: len(driver.standing) == 2)


async def test_the_host_says_what_it_offers(running: Running) -> None:
    events = await told(running, bool)
    joined = events[0]
    assert isinstance(joined, HostJoined)
    assert (joined.largest, joined.usual) == (Size(2, 1024), Size(1, 512))
    assert joined.memory_mib > 1024


async def test_an_agent_that_stops_tells_the_end_of_every_machine(driver: TwinDriver, tmp_path: Path) -> None:
    async with agent(tmp_path, driver=driver, settings=SETTINGS) as running:
        await running.give(job(step("true")))
        await running.ended(address())
        await until(lambda: len(driver.standing) == 2)
    events = await running.host_events()
    stood = {*of_kind(events, VmPooled), (await ready(running)).vm}
    assert stood == set(of_kind(events, VmDestroyed))
    assert not running.sandboxes()


async def test_jobs_beyond_the_memory_wait(driver: TwinDriver, tmp_path: Path) -> None:
    half = {"FIREBREAK_POOL": "0", "FIREBREAK_VM_SIZE": "1cpu-999999gb"}
    async with agent(tmp_path, driver=driver, settings=half) as running:
        await running.give(job(step("sleep 30"), n=1))
        await running.until(address(1), lambda events: len(events) > 2)
        await running.give(job(step("true"), n=2))
        (refused,) = await running.ended(address(2))
        assert isinstance(refused, AttemptRefused)
        assert not refused.permanent
        assert "has no room for a machine of" in refused.why


def test_the_sweep_is_often_enough() -> None:
    assert REAP_SECONDS <= 60


async def test_what_a_killed_agent_left_is_reaped_and_told(driver: TwinDriver, tmp_path: Path) -> None:
    (driver.place / "left").mkdir(parents=True)
    async with agent(tmp_path, driver=driver, settings=SETTINGS) as running:
        assert of_kind(await told(running, bool), VmReaped) == ["left"]
