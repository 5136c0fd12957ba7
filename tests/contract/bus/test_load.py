from __future__ import annotations

import asyncio

from libs.bus.port import Bus
from tests.contract.bus.story import commit


async def _three_runs(bus: Bus) -> None:
    for number in range(9):
        await bus.append(commit(f"ev.run.octo.r{number % 3}.{number % 3}", f"c{number}"), expected=None)


async def test_a_subject_is_loaded_in_order_and_nothing_else(bus: Bus) -> None:
    await _three_runs(bus)
    assert [stored.seq for stored in await bus.load("ev.run.octo.r1.1")] == [2, 5, 8]
    assert {stored.subject for stored in await bus.load("ev.run.octo.r1.1")} == {"ev.run.octo.r1.1"}


async def test_after_leaves_out_what_is_known(bus: Bus) -> None:
    await _three_runs(bus)
    assert [stored.seq for stored in await bus.load("ev.run.octo.r1.1", after=2)] == [5, 8]
    assert [stored.seq for stored in await bus.load("ev.run.octo.r1.1", after=7)] == [8]
    assert await bus.load("ev.run.octo.r1.1", after=8) == []


async def test_wildcards(bus: Bus) -> None:
    await _three_runs(bus)
    assert [stored.seq for stored in await bus.load("ev.run.*.*.2")] == [3, 6, 9]
    assert [stored.seq for stored in await bus.load("ev.run.>", after=6)] == [7, 8, 9]
    assert await bus.load("ev.run.*") == []


async def test_a_subject_without_messages_is_empty(bus: Bus) -> None:
    assert await bus.load("ev.run.octo.none.1") == []
    assert await bus.load("ev.attempt.>") == []
    assert await bus.last("ev.run.octo.none.1") is None


async def test_more_than_a_batch_is_complete(bus: Bus) -> None:
    for start in range(0, 2500, 500):
        names = range(start, start + 500)
        await asyncio.gather(*(bus.append(commit(f"ev.intake.{name}", f"c{name}"), expected=0) for name in names))
    assert [stored.seq for stored in await bus.load("ev.intake.*")] == list(range(1, 2501))
    assert [stored.seq for stored in await bus.load("ev.intake.*", after=1499)] == list(range(1500, 2501))


async def test_many_large_messages_are_complete(bus: Bus) -> None:
    for number in range(30):
        await bus.append(commit("ev.run.octo.big.1", f"c{number}", "x" * 700_000), expected=None)
    loaded = await bus.load("ev.run.octo.big.1")
    assert [stored.seq for stored in loaded] == list(range(1, 31))
    assert all(len(stored.data) > 700_000 for stored in loaded)


async def test_last_is_the_last_of_its_own_subject(bus: Bus) -> None:
    await _three_runs(bus)
    stored = await bus.last("ev.run.octo.r0.0")
    assert stored is not None
    assert stored.seq == 7


async def test_get_by_place(bus: Bus) -> None:
    await _three_runs(bus)
    stored = await bus.get("EVENTS", 5)
    assert stored is not None
    assert (stored.seq, stored.subject) == (5, "ev.run.octo.r1.1")
    assert stored == (await bus.load("ev.run.octo.r1.1"))[1]
    assert await bus.get("EVENTS", 10) is None
    assert await bus.get("EVENTS", 0) is None


async def test_what_was_appended_can_be_loaded_at_once(bus: Bus) -> None:
    for number in range(100):
        await bus.append(commit("ev.run.octo.own.1", f"c{number}"), expected=None)
        assert len(await bus.load("ev.run.octo.own.1")) == number + 1


async def test_the_extent_of_a_stream(bus: Bus) -> None:
    empty = await bus.extent("EVENTS")
    assert (empty.first, empty.last) == (1, 0)
    await _three_runs(bus)
    full = await bus.extent("EVENTS")
    assert (full.first, full.last) == (1, 9)
    assert full.created == empty.created
