from __future__ import annotations

import asyncio

import pytest

from libs.bus.port import Bus, Consumer, Message, Poison, TooLarge
from libs.bus.streams import MAX_MESSAGE_BYTES
from tests.contract.bus.story import Collected, consuming, everything, until

COMMANDS = Consumer("COMMANDS", "scheduler", ("cmd.run.*",))


async def test_what_is_put_is_taken_once_and_gone(bus: Bus) -> None:
    await bus.enqueue("cmd.run.1", b"cancel", message_id="a")
    await bus.enqueue("cmd.run.2", b"rerun", message_id="b")
    handler = Collected()
    async with consuming(bus, COMMANDS, handler):
        await until(lambda: len(handler.seqs) == 2)
        await asyncio.sleep(0.1)
    assert [message.stored.data for message in handler.messages] == [b"cancel", b"rerun"]
    assert await bus.load("cmd.>") == []


async def test_the_same_message_id_is_put_once(bus: Bus) -> None:
    for _ in range(3):
        await bus.enqueue("job.h1", b"order", message_id="attempt-1")
    await bus.enqueue("job.h1", b"order", message_id="attempt-2")
    assert len(await bus.load("job.h1")) == 2


async def test_each_consumer_takes_its_own_subject(bus: Bus) -> None:
    one, other = Collected(), Collected()
    await bus.enqueue("job.h1", b"1", message_id="a")
    await bus.enqueue("job.h2", b"2", message_id="b")
    async with (
        consuming(bus, Consumer("JOBS", "h1", ("job.h1",)), one),
        consuming(bus, Consumer("JOBS", "h2", ("job.h2",)), other),
    ):
        await until(lambda: bool(one.seqs and other.seqs))
    assert one.subjects == ["job.h1"]
    assert other.subjects == ["job.h2"]


async def test_two_consumers_cannot_want_the_same_subject(bus: Bus) -> None:
    async with consuming(bus, COMMANDS, Collected()):
        await bus.enqueue("cmd.run.1", b"x", message_id="a")
        await until_empty(bus, "cmd.run.1")
        with pytest.raises(ValueError, match="overlaps"):
            await bus.consume(Consumer("COMMANDS", "greedy", ("cmd.>",)), Collected())


async def test_a_queues_consumer_takes_all_that_is_in_it(bus: Bus) -> None:
    with pytest.raises(ValueError, match="takes all"):
        await bus.consume(Consumer("JOBS", "late", ("job.h1",), from_now=True), Collected())


async def test_poison_leaves_the_queue_and_is_a_dead_letter(bus: Bus) -> None:
    async def poison(message: Message) -> None:
        raise Poison("unreadable")

    await bus.enqueue("cmd.run.1", b"\xff", message_id="a")
    handler = Collected(poison)
    async with consuming(bus, COMMANDS, handler):
        await until(lambda: bool(handler.seqs))
        await until_empty(bus, "cmd.run.1")
    letters, _ = await everything(bus.tail("DEAD", ("dead.COMMANDS.scheduler",), 0, follow=False))
    assert [letter.data for letter in letters] == [b"\xff"]


async def test_what_is_too_large_is_refused(bus: Bus) -> None:
    with pytest.raises(TooLarge):
        await bus.enqueue("job.h1", b"x" * (MAX_MESSAGE_BYTES + 1), message_id="a")


async def until_empty(bus: Bus, subject: str) -> None:
    async with asyncio.timeout(5):
        while await bus.load(subject):
            await asyncio.sleep(0.01)
