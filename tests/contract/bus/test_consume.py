from __future__ import annotations

import asyncio

import pytest

from libs.bus import dead_letters
from libs.bus.port import Bus, BusDown, Consumer, Message, Poison, Retry, Stored
from libs.telemetry import trace
from tests.contract.bus.story import Collected, commit, consuming, everything, until

CONSUMER = Consumer("EVENTS", "reader", ("ev.host.*",), ack_wait_seconds=2.0)


async def _append(bus: Bus, count: int, first: int = 0, subject: str = "ev.host.a") -> None:
    for number in range(first, first + count):
        await bus.append(commit(subject, f"c{number}"), expected=None)


async def _dead(bus: Bus) -> list[Stored]:
    return (await everything(bus.tail("DEAD", ("dead.>",), 0, follow=False)))[0]


async def test_what_matches_is_handled_once_and_in_order(bus: Bus) -> None:
    await _append(bus, 3)
    await _append(bus, 3, subject="ev.run.o.r.1")
    handler = Collected()
    async with consuming(bus, CONSUMER, handler):
        await until(lambda: len(handler.seqs) == 3)
        await _append(bus, 2, 3)
        await until(lambda: len(handler.seqs) == 5)
    assert handler.seqs == [1, 2, 3, 7, 8]
    assert handler.attempts == [1] * 5


async def test_a_durable_consumer_goes_on_where_it_was(bus: Bus) -> None:
    await _append(bus, 3)
    handler = Collected()
    async with consuming(bus, CONSUMER, handler):
        await until(lambda: len(handler.seqs) == 3)
        await asyncio.sleep(0.05)
    await _append(bus, 2, 3)
    async with consuming(bus, CONSUMER, handler):
        await until(lambda: len(handler.seqs) >= 5)
    assert handler.seqs == [1, 2, 3, 4, 5]


async def test_from_now_skips_what_was_there(bus: Bus) -> None:
    await _append(bus, 3)
    handler = Collected()
    async with consuming(bus, Consumer("EVENTS", "new", ("ev.host.*",), from_now=True), handler):
        await asyncio.sleep(0.1)
        await _append(bus, 1, 3)
        await until(lambda: bool(handler.seqs))
    assert handler.seqs == [4]


async def test_a_failure_is_handled_again_after_a_pause_and_the_others_go_on(bus: Bus) -> None:
    async def fail_once(message: Message) -> None:
        if message.stored.seq == 1 and message.attempt == 1:
            raise RuntimeError("a hiccup")

    await _append(bus, 2)
    handler = Collected(fail_once)
    async with consuming(bus, CONSUMER, handler):
        await until(lambda: len(handler.seqs) == 3)
    assert handler.seqs == [1, 2, 1]
    assert handler.attempts == [1, 1, 2]
    assert await _dead(bus) == []


async def test_after_too_many_failures_it_is_a_dead_letter_with_its_story(bus: Bus) -> None:
    async def fail(message: Message) -> None:
        raise RuntimeError(f"broken\nat {message.stored.seq}")

    consumer = Consumer("EVENTS", "broken", ("ev.host.*",), attempts=2)
    with trace.continued({}) as current:
        await _append(bus, 1)
    handler = Collected(fail)
    async with consuming(bus, consumer, handler):
        await until(lambda: len(handler.seqs) == 2)
        await asyncio.sleep(0.4)
    assert handler.attempts == [1, 2]
    (letter,) = await _dead(bus)
    original = await bus.get("EVENTS", 1)
    assert original is not None
    assert (letter.subject, letter.data) == ("dead.EVENTS.broken", original.data)
    assert letter.headers[dead_letters.REASON] == "failed 2 times, at last: RuntimeError: broken at 1"
    assert letter.headers[dead_letters.SUBJECT] == "ev.host.a"
    assert letter.headers[dead_letters.SEQUENCE] == "1"
    assert letter.headers[dead_letters.ATTEMPTS] == "2"
    assert letter.headers["traceparent"] == current


async def test_poison_is_a_dead_letter_at_once(bus: Bus) -> None:
    async def poison(message: Message) -> None:
        raise Poison("no such thing")

    await _append(bus, 1)
    handler = Collected(poison)
    async with consuming(bus, CONSUMER, handler):
        await until(lambda: len(handler.seqs) == 1)
        await asyncio.sleep(0.3)
    assert handler.attempts == [1]
    (letter,) = await _dead(bus)
    assert letter.headers[dead_letters.REASON] == "Poison: no such thing"


@pytest.mark.parametrize("error", [Retry("not yet", 0.05), BusDown("away")])
async def test_not_now_is_no_failure(bus: Bus, error: Exception) -> None:
    tries = 0

    async def not_now(message: Message) -> None:
        nonlocal tries
        tries += 1
        if tries < (4 if isinstance(error, Retry) else 2):
            raise error

    await _append(bus, 1)
    handler = Collected(not_now)
    async with consuming(bus, Consumer("EVENTS", "patient", ("ev.host.*",), attempts=1), handler):
        await until(lambda: len(handler.seqs) == (4 if isinstance(error, Retry) else 2))
        await asyncio.sleep(0.1)
    assert set(handler.attempts) == {1}
    assert await _dead(bus) == []


async def test_what_is_put_off_for_longer_than_the_ack_wait_is_still_ours(bus: Bus) -> None:
    async def later(message: Message) -> None:
        if len(handler.seqs) == 1:
            raise Retry("later", 1.5)

    await _append(bus, 1)
    handler = Collected(later)
    async with consuming(bus, Consumer("EVENTS", "later", ("ev.host.*",), ack_wait_seconds=0.5), handler):
        await until(lambda: len(handler.seqs) == 2)
        await asyncio.sleep(0.7)
    assert handler.attempts == [1, 1]


async def test_what_one_process_put_off_the_other_does_not_get(bus: Bus) -> None:
    handled: list[str] = []

    async def later(name: str) -> None:
        handled.append(name)
        if len(handled) == 1:
            raise Retry("later", 1.5)

    async def by_one(message: Message) -> None:
        await later("one")

    async def by_other(message: Message) -> None:
        await later("other")

    consumer = Consumer("EVENTS", "later", ("ev.host.*",), ack_wait_seconds=0.5)
    async with consuming(bus, consumer, by_one), consuming(bus, consumer, by_other):
        await _append(bus, 1)
        await until(lambda: bool(handled))
        await asyncio.sleep(1.2)
        assert len(handled) == 1
        await until(lambda: len(handled) == 2)


async def test_a_process_that_is_busy_holds_nothing_back_from_the_other(bus: Bus) -> None:
    async def hang(message: Message) -> None:
        await asyncio.sleep(60)

    busy, idle = Collected(hang), Collected()
    await _append(bus, 10)
    consumer = Consumer("EVENTS", "shared", ("ev.host.*",), ack_wait_seconds=30)
    async with consuming(bus, consumer, busy):
        await until(lambda: bool(busy.seqs))
        await asyncio.sleep(0.1)
        async with consuming(bus, consumer, idle):
            await until(lambda: len(idle.seqs) == 9)
    assert len(busy.seqs) == 1


async def test_concurrency_is_how_many_are_in_hand(bus: Bus) -> None:
    inside = most = 0
    release = asyncio.Event()

    async def hold(message: Message) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await release.wait()
        inside -= 1

    await _append(bus, 8)
    handler = Collected(hold)
    async with consuming(bus, Consumer("EVENTS", "three", ("ev.host.*",), concurrency=3), handler):
        await until(lambda: inside == 3)
        await asyncio.sleep(0.1)
        assert inside == 3
        release.set()
        await until(lambda: len(handler.seqs) == 8)
    assert most == 3
    assert sorted(handler.seqs) == list(range(1, 9))


async def test_a_handling_that_takes_too_long_is_handed_out_again(bus: Bus) -> None:
    release = asyncio.Event()

    async def hang_once(message: Message) -> None:
        if message.attempt == 1:
            await release.wait()

    await _append(bus, 1)
    handler = Collected(hang_once)
    consumer = Consumer("EVENTS", "slow", ("ev.host.*",), ack_wait_seconds=0.5, concurrency=2)
    async with consuming(bus, consumer, handler):
        await until(lambda: len(handler.seqs) == 2)
        release.set()
    assert handler.attempts == [1, 2]


async def test_a_handling_that_says_so_may_take_long(bus: Bus) -> None:
    async def work(message: Message) -> None:
        for _ in range(8):
            await asyncio.sleep(0.2)
            await message.in_progress()

    await _append(bus, 1)
    handler = Collected(work)
    consumer = Consumer("EVENTS", "long", ("ev.host.*",), ack_wait_seconds=0.6, concurrency=2)
    async with consuming(bus, consumer, handler):
        await asyncio.sleep(2.2)
    assert handler.attempts == [1]


async def test_what_was_in_hand_at_the_end_is_handed_out_again_at_once(bus: Bus) -> None:
    async def hang(message: Message) -> None:
        await asyncio.sleep(60)

    await _append(bus, 3)
    consumer = Consumer("EVENTS", "heir", ("ev.host.*",), ack_wait_seconds=30)
    hanging = Collected(hang)
    async with consuming(bus, consumer, hanging):
        await until(lambda: len(hanging.seqs) == 1)
    heir = Collected()
    async with consuming(bus, consumer, heir), asyncio.timeout(5):
        await until(lambda: len(heir.seqs) == 3)
    assert sorted(heir.seqs) == [1, 2, 3]


async def test_who_shares_a_consumer_shares_the_messages(bus: Bus) -> None:
    async def work(message: Message) -> None:
        await asyncio.sleep(0.002)

    one, other = Collected(work), Collected(work)
    await _append(bus, 100)
    async with consuming(bus, CONSUMER, one), consuming(bus, CONSUMER, other):
        await until(lambda: len(one.seqs) + len(other.seqs) >= 100)
        await asyncio.sleep(0.1)
    assert sorted(one.seqs + other.seqs) == list(range(1, 101))
    assert one.seqs
    assert other.seqs


async def test_the_messages_trace_is_current_while_it_is_handled(bus: Bus) -> None:
    seen: list[str] = []

    async def look(message: Message) -> None:
        seen.append(trace.current())

    with trace.continued({}) as current:
        await _append(bus, 1)
    async with consuming(bus, CONSUMER, look):
        await until(lambda: bool(seen))
    assert seen[0].split("-")[1] == current.split("-")[1]


async def test_many_messages_are_handled_completely(bus: Bus) -> None:
    for start in range(0, 2000, 500):
        names = range(start, start + 500)
        await asyncio.gather(*(bus.append(commit(f"ev.host.h{name}", f"c{name}"), expected=0) for name in names))
    handler = Collected()
    async with consuming(bus, Consumer("EVENTS", "many", ("ev.host.*",), concurrency=8), handler):
        await until(lambda: len(handler.seqs) >= 2000)
        await asyncio.sleep(0.1)
    assert sorted(handler.seqs) == list(range(1, 2001))
