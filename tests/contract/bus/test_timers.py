from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from libs.bus.port import Bus, Consumer
from tests.contract.bus.story import Collected, consuming, until

DUE = Consumer("TIMERS", "scheduler", ("timer.due.>",))


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def test_what_is_armed_is_due_at_its_time(bus: Bus) -> None:
    handler = Collected()
    async with consuming(bus, DUE, handler):
        at = soon(0.5)
        await bus.arm("job.7.build.1", at, b"deadline")
        await until(lambda: bool(handler.seqs))
        late = (datetime.now(UTC) - at).total_seconds()
    (message,) = handler.messages
    assert (message.stored.subject, message.stored.data) == ("timer.due.job.7.build.1", b"deadline")
    assert -0.1 < late < 1.5


async def test_a_time_that_is_past_is_due_at_once(bus: Bus) -> None:
    handler = Collected()
    async with consuming(bus, DUE, handler):
        await bus.arm("late", soon(-60), b"x")
        await until(lambda: bool(handler.seqs))
    assert handler.subjects == ["timer.due.late"]


async def test_arming_again_replaces(bus: Bus) -> None:
    handler = Collected()
    async with consuming(bus, DUE, handler):
        await bus.arm("one", soon(0.3), b"first")
        await bus.arm("one", soon(0.8), b"second")
        await bus.arm("other", soon(30), b"never")
        await until(lambda: bool(handler.seqs))
        await asyncio.sleep(0.3)
    assert [message.stored.data for message in handler.messages] == [b"second"]


async def test_a_disarmed_timer_does_not_fire_and_disarming_is_never_an_error(bus: Bus) -> None:
    handler = Collected()
    async with consuming(bus, DUE, handler):
        await bus.disarm("never-was")
        await bus.arm("gone", soon(0.4), b"x")
        await bus.disarm("gone")
        await bus.arm("stays", soon(0.6), b"y")
        await until(lambda: bool(handler.seqs))
        await bus.disarm("stays")
        await asyncio.sleep(0.2)
    assert handler.subjects == ["timer.due.stays"]


async def test_what_was_due_while_nobody_listened_is_handled_later(bus: Bus) -> None:
    await bus.arm("missed", soon(0.05), b"x")
    await asyncio.sleep(0.4)
    handler = Collected()
    async with consuming(bus, DUE, handler):
        await until(lambda: bool(handler.seqs))
    assert handler.subjects == ["timer.due.missed"]
