"""The agent as it is in production: a real NATS server, the strongest driver that works, a watchdog beside it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.port import Bus
from libs.bus.server import NatsServer
from libs.contracts import subjects
from libs.contracts.attempt import AttemptEvent, AttemptFinished, StepFinished, StepStarted
from libs.contracts.envelope import decode_commit, encode
from libs.contracts.orders import JobOrder
from libs.process import Process
from libs.settings import read_settings
from services.vm_agent.__main__ import Options, serve
from services.vm_agent.sandbox.drivers import NoDriver, choose
from services.vm_agent.sandbox.premises import Premises
from tests.e2e.vm_agent.agent_harness import HOST, address, job
from tests.e2e.vm_agent.harness import NoSources, step

PATIENT_SECONDS = 60


async def events_of(bus: Bus) -> list[AttemptEvent]:
    commits = [decode_commit(message.data) for message in await bus.load(address())]
    return [msgspec.json.decode(event, type=AttemptEvent) for one in commits for event in one.events]


async def until(bus: Bus, kind: type) -> list[AttemptEvent]:
    async with asyncio.timeout(PATIENT_SECONDS):
        async for _ in bus.tail(subjects.EVENTS, (address(),), 0):
            events = await events_of(bus)
            if any(isinstance(event, kind) for event in events):
                return events
    raise AssertionError("the tail ended")


def agent(bus: Bus, folder: Path) -> asyncio.Task[None]:
    settings = read_settings(
        {"FIREBREAK_HOME": str(folder), "FIREBREAK_HOST_ID": HOST, "MAX_CONCURRENT_WORKFLOWS": "2"}
    )
    return asyncio.create_task(serve(Process(settings, bus, MemoryBlobs()), Options(sources=NoSources())))


@pytest.fixture
async def isolated(tmp_path: Path) -> None:
    try:
        await choose("auto", Premises(tmp_path / "probe", tmp_path / "images"))
    except NoDriver as error:
        pytest.skip(str(error))


def given() -> JobOrder:
    return job(step("echo one; sleep 2"), step('test "$PWD" = "$GITHUB_WORKSPACE"; ! ls "/home/$USER/.ssh"'))


@pytest.mark.usefixtures("isolated")
@pytest.mark.parametrize("outage", [False, True])
async def test_a_job_runs_and_an_outage_of_the_bus_changes_nothing(
    jetstream_bus: Bus, nats_server: NatsServer, tmp_path: Path, outage: bool
) -> None:
    task = agent(jetstream_bus, tmp_path / "home")
    try:
        await jetstream_bus.enqueue(subjects.doorbell(HOST), encode(given()), message_id="1")
        await until(jetstream_bus, StepStarted)
        if outage:
            await nats_server.kill()
            await asyncio.sleep(3)
            await nats_server.start()
        events = await until(jetstream_bus, AttemptFinished)
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=30)
    assert [event.outcome for event in events if isinstance(event, StepFinished)] == ["success", "success"]
    assert [event.step for event in events if isinstance(event, StepStarted)] == [0, 1]
    assert isinstance(events[-1], AttemptFinished)
    assert events[-1].conclusion == "success"
    assert not list((tmp_path / "home" / "agent" / HOST / "sandboxes").iterdir())
