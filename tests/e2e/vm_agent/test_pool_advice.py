"""An agent's pool follows what the learner advises for its host, and nobody's advice where the operator named one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.contracts import envelope, subjects
from libs.contracts.advice import AdviceGiven, PoolAdvice
from libs.contracts.host import HostEvent, VmDestroyed, VmPooled
from libs.contracts.ids import Cause, HostId, commit_id
from libs.contracts.plan import Trust
from libs.process import Process
from libs.settings import read_settings
from services.vm_agent.__main__ import Options, serve
from tests.e2e.vm_agent.machines import TwinDriver

HOST = HostId("h1")
SECONDS = 20.0


async def advise(bus: MemoryBus, *advice: PoolAdvice) -> None:
    subject = subjects.ADVICE_FOR_HOSTS
    last = await bus.last(subject)
    place = 0 if last is None else last.seq
    now = datetime.now(UTC)
    given = AdviceGiven(1, advice)
    id = commit_id(subject, place)
    commit = envelope.commit(id=id, source="test", subject=subject, cause=Cause("test"), now=now, events=[given])
    await bus.append(commit, expected=place)


def pool(target: int, trust: Trust = "own") -> PoolAdvice:
    return PoolAdvice(HOST, trust, None, target, 12.0, 4.0, 100)


@asynccontextmanager
async def agent(bus: MemoryBus, folder: Path, **settings: str) -> AsyncIterator[None]:
    environment = {
        "FIREBREAK_HOME": str(folder),
        "FIREBREAK_HOST_ID": HOST,
        "MAX_CONCURRENT_WORKFLOWS": "2",
        "FIREBREAK_VM_SIZE": "1cpu-256mb",
        **settings,
    }
    process = Process(read_settings(environment), bus, MemoryBlobs())
    serving = asyncio.create_task(serve(process, Options(driver=TwinDriver(folder), watched=False, keeps=False)))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.wait({serving})


async def standing(bus: MemoryBus) -> dict[str, int]:
    """How many machines stand ready, by trust, as the host's log says."""
    there: dict[str, str] = {}
    for stored in await bus.load(subjects.host(HOST)):
        for raw in envelope.decode_commit(stored.data).events:
            event = msgspec.json.decode(raw, type=HostEvent)
            if isinstance(event, VmPooled):
                there[event.vm] = event.trust
            elif isinstance(event, VmDestroyed):
                there.pop(event.vm, None)
    return Counter(there.values())


async def until(bus: MemoryBus, **expected: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await standing(bus) != expected:
            await asyncio.sleep(0.02)


async def test_the_pool_follows_the_advice_within_the_hosts_slots(tmp_path: Path) -> None:
    bus = MemoryBus()
    async with agent(bus, tmp_path):
        await until(bus, own=1)
        await advise(bus, pool(9))
        await until(bus, own=2)
        await advise(bus, pool(1), pool(1, "fork"))
        await until(bus, own=1, fork=1)
        await advise(bus)
        await until(bus, own=1)


async def test_what_was_advised_before_the_agent_began_holds(tmp_path: Path) -> None:
    bus = MemoryBus()
    await advise(bus, pool(1))
    await advise(bus, pool(2))
    async with agent(bus, tmp_path):
        await until(bus, own=2)


async def test_a_pool_that_the_operator_named_holds(tmp_path: Path) -> None:
    bus = MemoryBus()
    await advise(bus, pool(2))
    async with agent(bus, tmp_path, FIREBREAK_POOL="own=1"):
        await until(bus, own=1)
        await asyncio.sleep(1.2)  # a tick of the pool, in which a second machine would stand
        assert await standing(bus) == {"own": 1}
