"""One batch fills while another is written; when it is due, and that nothing waits for ever."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from libs.bus.port import Stored
from services.learner import hopper
from services.learner.folding.fold import Folded
from services.learner.hopper import Hopper

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def message(seq: int) -> Stored:
    return Stored(seq, "ev.x", b"", NOON, {})


def fill(into: Hopper, count: int) -> None:
    for seq in range(1, count + 1):
        into.add("EVENTS", message(seq), Folded())


async def test_a_full_batch_is_due_at_once_with_the_place_that_it_reaches() -> None:
    filled = Hopper(["EVENTS"], Clock())
    filled.caught_up("EVENTS")
    fill(filled, hopper.LIVE_EVENTS)
    batch = await filled.take(None)
    assert batch is not None
    assert batch.positions()["EVENTS"].seq == batch.events == hopper.LIVE_EVENTS


async def test_an_old_batch_is_due_however_small() -> None:
    clock = Clock()
    filled = Hopper(["EVENTS"], clock)
    filled.caught_up("EVENTS")
    fill(filled, 1)
    clock.now += hopper.LIVE_SECONDS
    assert (batch := await filled.take(None)) is not None
    assert batch.events == 1


async def test_while_catching_up_batches_are_large() -> None:
    clock = Clock()
    filled = Hopper(["EVENTS", "DELIVERIES"], clock)
    filled.caught_up("DELIVERIES")
    fill(filled, hopper.LIVE_EVENTS)
    assert not filled.full
    clock.now += hopper.REPLAY_SECONDS
    assert (batch := await filled.take(None)) is not None
    assert batch.events == hopper.LIVE_EVENTS


async def test_having_caught_up_is_told_to_who_waits_for_a_batch() -> None:
    empty = Hopper(["EVENTS"], Clock())
    waiting = asyncio.create_task(empty.take(None))
    await asyncio.sleep(0)
    empty.caught_up("EVENTS")
    assert await asyncio.wait_for(waiting, 1) is None


async def test_a_reader_before_a_full_batch_waits_until_it_is_taken() -> None:
    filled = Hopper(["EVENTS"], Clock())
    filled.caught_up("EVENTS")
    fill(filled, hopper.LIVE_EVENTS)
    waiting = asyncio.create_task(filled.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    filled.drain()
    await asyncio.wait_for(waiting, 1)
