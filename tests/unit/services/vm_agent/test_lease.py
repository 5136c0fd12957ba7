"""The lease: one owner, one commit for each decision, whatever the bus does."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from libs.bus.memory.bus import MemoryBus
from libs.bus.port import BusDown, Stored, TooLarge
from libs.contracts.attempt import (
    Annotation,
    AttemptEvent,
    AttemptFinished,
    AttemptStarted,
    StepFinished,
    StepStarted,
)
from libs.contracts.envelope import Commit, decode_commit, utc
from libs.contracts.ids import BootId, Cause, HostId, JobKey, RunId
from services.vm_agent.lease import Fenced, Lease

SUBJECT = "ev.attempt.h1.octo.demo.42.build.1"
STARTED = AttemptStarted(RunId(42), JobKey("build"), 1, HostId("h1"), BootId("b"), "host")


class StumblingBus(MemoryBus):
    """Raises what it is told to, before or after storing."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.appends = 0

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        self.appends += 1
        if self.before:
            raise self.before.pop(0)
        seq = await super().append(commit, expected=expected)
        if self.after:
            raise self.after.pop(0)
        return seq


@pytest.fixture
def bus() -> StumblingBus:
    return StumblingBus()


def lease_on(bus: MemoryBus, boot: str = "b") -> Lease:
    return Lease(
        bus,
        subject=SUBJECT,
        source="agent/h1",
        boot_id=BootId(boot),
        cause=Cause("c"),
        actor="a",
        now=lambda: utc(0),
        retry_seconds=0,
    )


async def stored(bus: MemoryBus) -> list[list[AttemptEvent]]:
    commits = [decode_commit(message.data) for message in await bus.load(SUBJECT)]
    return [[msgspec.json.decode(event, type=AttemptEvent) for event in one.events] for one in commits]


async def kinds(bus: MemoryBus) -> list[list[type]]:
    return [[type(event) for event in one] for one in await stored(bus)]


async def first_append(bus: StumblingBus) -> None:
    while bus.appends == 0:
        await asyncio.sleep(0)


async def test_what_waits_goes_with_the_next_append(bus: StumblingBus) -> None:
    lease = lease_on(bus)
    lease.add(STARTED)
    assert not lease.held.is_set()
    await lease.started(StepStarted(0, "x"))
    assert lease.held.is_set()
    lease.finished(StepFinished(0, "x", "success", "success"))
    await lease.append(AttemptFinished("success"))
    await lease.append()
    assert await kinds(bus) == [[AttemptStarted, StepStarted], [StepFinished, AttemptFinished]]


async def test_an_outage_is_waited_out_and_an_unknown_answer_stores_once(bus: StumblingBus) -> None:
    bus.before, bus.after = [BusDown(), BusDown()], [BusDown()]
    lease = lease_on(bus)
    await lease.append(STARTED)
    await lease.append(StepStarted(0, "x"))
    assert await kinds(bus) == [[AttemptStarted], [StepStarted]]
    assert bus.appends == 5


async def test_whoever_appends_second_is_fenced(bus: StumblingBus) -> None:
    first, second = lease_on(bus, "b1"), lease_on(bus, "b2")
    await first.append(STARTED)
    with pytest.raises(Fenced):
        await second.append(STARTED)
    assert not second.held.is_set()


async def test_ownership_by_the_last_message(bus: StumblingBus) -> None:
    lease = lease_on(bus)
    assert lease.owns(None)
    await lease.append(STARTED)
    last = await bus.last(SUBJECT)
    assert last is not None
    assert lease.owns(last)
    assert not lease.owns(None)
    assert not lease.owns(Stored(last.seq + 1, SUBJECT, last.data, last.time, {}))


async def test_an_append_whose_answer_is_open_is_still_ours(bus: StumblingBus) -> None:
    lease = lease_on(bus)
    bus.after = [BusDown()]
    appending = asyncio.ensure_future(lease.append(STARTED))
    await first_append(bus)
    assert lease.owns(await bus.last(SUBJECT))
    await appending


async def test_an_append_goes_on_when_its_caller_is_cancelled(bus: StumblingBus) -> None:
    lease = lease_on(bus)
    bus.after = [BusDown()]
    appending = asyncio.ensure_future(lease.append(STARTED))
    await first_append(bus)
    appending.cancel()
    await asyncio.wait({appending})
    await lease.append(AttemptFinished("error", why="stopped"))
    assert await kinds(bus) == [[AttemptStarted], [AttemptFinished]]


async def test_what_is_too_large_is_stored_without_its_annotations(bus: StumblingBus) -> None:
    lease = lease_on(bus)
    bus.before = [TooLarge("too large")]
    notes = (Annotation("error", "x"),)
    await lease.append(StepFinished(0, "x", "failure", "failure", annotations=notes))
    ((event,),) = await stored(bus)
    assert isinstance(event, StepFinished)
    assert event.annotations == ()


async def test_what_stays_too_large_is_an_error(bus: StumblingBus) -> None:
    bus.before = [TooLarge("too large")]
    with pytest.raises(TooLarge):
        await lease_on(bus).append(AttemptFinished("success"))
