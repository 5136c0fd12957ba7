"""The host's events are stored in order, in batches, and nobody who adds one waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from libs.bus.memory import MemoryBus
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.host import HostEvent, HostJoined, HostLeft, VmDestroyed
from libs.contracts.ids import BootId, Cause, HostId
from services.vm_agent.host_log import BATCH_EVENTS, WAITING_EVENTS, HostLog, TakenOver

HOST = HostId("h1")
JOINED = HostJoined(HOST, BootId("b1"), (), 1, "qemu", b"")


def log(bus: MemoryBus, boot: str = "b1") -> HostLog:
    return HostLog(bus, HOST, BootId(boot), lambda: datetime(2026, 1, 1, tzinfo=UTC))


def end(name: int) -> VmDestroyed:
    return VmDestroyed(f"vm-{name}", "its job is over")


async def stored(bus: MemoryBus) -> list[tuple[str, list[str]]]:
    """Of each commit, its cause and its machines."""
    found: list[tuple[str, list[str]]] = []
    for message in await bus.load(subjects.host(HOST)):
        one = decode_commit(message.data)
        events = [msgspec.json.decode(raw, type=HostEvent) for raw in one.events]
        found.append((one.cause, [event.vm for event in events if isinstance(event, VmDestroyed)]))
    return found


async def test_what_is_added_together_is_one_commit_a_cause_in_order() -> None:
    host_log = log(bus := MemoryBus())
    await host_log.join([JOINED])
    for number, cause in enumerate(["a", "a", "b", "a"]):
        host_log.add(end(number), Cause(cause))
    await host_log.flush()
    assert (await stored(bus))[1:] == [("a", ["vm-0", "vm-1"]), ("b", ["vm-2"]), ("a", ["vm-3"])]


async def test_a_commit_holds_no_more_than_a_message_may() -> None:
    host_log = log(bus := MemoryBus())
    await host_log.join([JOINED])
    for number in range(2 * BATCH_EVENTS + 1):
        host_log.add(end(number))
    await host_log.flush()
    assert [len(machines) for _, machines in (await stored(bus))[1:]] == [BATCH_EVENTS, BATCH_EVENTS, 1]


async def test_the_writer_stores_what_is_added_while_it_writes() -> None:
    host_log = log(bus := MemoryBus())
    await host_log.join([JOINED])
    writing = asyncio.create_task(host_log.write())
    async with asyncio.timeout(5):
        for number in range(3):
            host_log.add(end(number))
            while len((await stored(bus))[1:]) <= number:
                await asyncio.sleep(0.005)
    writing.cancel()
    host_log.add(end(3))
    await host_log.append([HostLeft(BootId("b1"))], Cause("c"))
    await host_log.flush()
    machines = [vm for _, one in await stored(bus) for vm in one]
    assert machines == ["vm-0", "vm-1", "vm-2", "vm-3"]


async def test_a_writer_that_is_stopped_in_the_middle_loses_nothing() -> None:
    host_log = log(bus := MemoryBus())
    await host_log.join([JOINED])
    host_log.add(end(0))
    flushing = asyncio.create_task(host_log.flush())
    await asyncio.sleep(0)
    flushing.cancel()
    host_log.add(end(1))
    await host_log.flush()
    assert [vm for _, one in await stored(bus) for vm in one] == ["vm-0", "vm-1"]


async def test_another_boot_ends_the_writer() -> None:
    host_log = log(bus := MemoryBus())
    await host_log.join([JOINED])
    await log(bus, "b2").join([JOINED])
    host_log.add(end(0))
    with pytest.raises(TakenOver):
        await host_log.flush()


async def test_beyond_the_bound_the_oldest_are_lost() -> None:
    host_log = log(bus := MemoryBus())
    await host_log.join([JOINED])
    for number in range(WAITING_EVENTS + 2):
        host_log.add(end(number))
    await host_log.flush()
    machines = [vm for _, one in await stored(bus) for vm in one]
    assert (machines[0], len(machines)) == ("vm-2", WAITING_EVENTS)
