from __future__ import annotations

import asyncio

import pytest

from libs.bus.port import Bus, CaughtUp
from tests.contract.bus.story import Tailing, commit, everything, until


async def _append(bus: Bus, subject: str, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        await bus.append(commit(subject, f"c{number}"), expected=None)


async def test_without_following_it_ends_where_the_stream_ends(bus: Bus) -> None:
    await _append(bus, "ev.host.a", 3)
    messages, caught_up = await everything(bus.tail("EVENTS", ("ev.>",), 0, follow=False))
    assert [message.seq for message in messages] == [1, 2, 3]
    assert caught_up == CaughtUp(3)


async def test_an_empty_stream_is_caught_up_at_once(bus: Bus) -> None:
    assert await everything(bus.tail("EVENTS", ("ev.>",), 0, follow=False)) == ([], CaughtUp(0))


async def test_no_filter_means_everything(bus: Bus) -> None:
    await _append(bus, "ev.host.a", 3)
    messages, _ = await everything(bus.tail("EVENTS", (), 0, follow=False))
    assert len(messages) == 3


async def test_only_what_matches_and_the_end_is_the_streams(bus: Bus) -> None:
    for number in range(4):
        await _append(bus, "ev.host.a", 1, number)
        await _append(bus, "ev.run.o.r.1", 1, number)
        await _append(bus, "ev.intake.x", 1, number)
    filters = ("ev.host.*", "ev.run.>")
    messages, caught_up = await everything(bus.tail("EVENTS", filters, 0, follow=False))
    assert [message.seq for message in messages] == [1, 2, 4, 5, 7, 8, 10, 11]
    assert caught_up == CaughtUp(12)
    assert await everything(bus.tail("EVENTS", ("ev.report.>",), 0, follow=False)) == ([], CaughtUp(12))


async def test_it_begins_behind_the_place_that_the_reader_keeps(bus: Bus) -> None:
    await _append(bus, "ev.host.a", 5)
    messages, _ = await everything(bus.tail("EVENTS", ("ev.>",), 3, follow=False))
    assert [message.seq for message in messages] == [4, 5]
    assert await everything(bus.tail("EVENTS", ("ev.>",), 5, follow=False)) == ([], CaughtUp(5))


async def test_following_says_once_that_it_caught_up_and_goes_on(bus: Bus) -> None:
    await _append(bus, "ev.host.a", 2)
    tailing = Tailing(bus.tail("EVENTS", ("ev.host.*",), 0))
    await until(lambda: tailing.caught_up)
    assert tailing.items[-1] == CaughtUp(2)
    await _append(bus, "ev.run.o.r.1", 1)
    await _append(bus, "ev.host.a", 3, 2)
    await until(lambda: len(tailing.seqs) == 5)
    assert tailing.seqs == [1, 2, 4, 5, 6]
    assert tailing.items.count(CaughtUp(2)) == 1
    await tailing.stop()


async def test_tails_do_not_disturb_each_other(bus: Bus) -> None:
    await _append(bus, "ev.host.a", 20)
    tails = [Tailing(bus.tail("EVENTS", ("ev.>",), place)) for place in (0, 5, 20)]
    await until(lambda: all(tail.caught_up for tail in tails))
    await _append(bus, "ev.host.a", 1, 20)
    await until(lambda: all(tail.seqs and tail.seqs[-1] == 21 for tail in tails))
    assert [len(tail.seqs) for tail in tails] == [21, 16, 1]
    for tail in tails:
        await tail.stop()


async def test_a_slow_reader_misses_nothing_of_a_busy_stream(bus: Bus) -> None:
    tailing = Tailing(bus.tail("EVENTS", ("ev.>",), 0), pause_seconds=0.0005)
    for start in range(0, 3000, 250):
        names = range(start, start + 250)
        await asyncio.gather(*(bus.append(commit(f"ev.intake.{name}", f"c{name}"), expected=0) for name in names))
    await until(lambda: len(tailing.seqs) >= 3000)
    assert tailing.seqs == list(range(1, 3001))
    await tailing.stop()


async def test_a_work_queue_is_not_tailed(bus: Bus) -> None:
    with pytest.raises(ValueError, match="work queue"):
        bus.tail("JOBS", ("job.>",), 0)


async def test_a_tail_can_be_closed_at_any_point(bus: Bus) -> None:
    await _append(bus, "ev.host.a", 3)
    tail = bus.tail("EVENTS", ("ev.>",), 0)
    await anext(tail)
    await tail.aclose()
    await bus.round_trip()


async def test_the_latest_are_the_last_of_each_subject_and_then_all_that_comes(bus: Bus) -> None:
    await _append(bus, "ev.advice.1", 3)
    await _append(bus, "ev.run.o.r.1", 2)
    await _append(bus, "ev.workflow.1.opt-ins", 2)
    await _append(bus, "ev.advice.2", 1)
    await _append(bus, "ev.advice.1", 1, 3)
    tailing = Tailing(bus.latest("EVENTS", ("ev.advice.*", "ev.workflow.*.opt-ins")))
    await until(lambda: tailing.caught_up)
    assert tailing.items[-1] == CaughtUp(9)
    assert tailing.seqs == [7, 8, 9]
    await _append(bus, "ev.advice.2", 2, 1)
    await until(lambda: len(tailing.seqs) == 5)
    assert tailing.seqs == [7, 8, 9, 10, 11]
    await tailing.stop()


async def test_the_latest_of_nothing_is_caught_up_at_once(bus: Bus) -> None:
    await _append(bus, "ev.run.o.r.1", 2)
    tailing = Tailing(bus.latest("EVENTS", ("ev.advice.*",)))
    await until(lambda: tailing.caught_up)
    assert tailing.items == [CaughtUp(2)]
    await tailing.stop()
