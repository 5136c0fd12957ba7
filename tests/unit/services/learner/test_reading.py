"""Holes in a stream, and streams that only have the same name."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp, Extent, Stored
from libs.contracts import run, subjects
from libs.contracts.blobs import BlobRef
from services.learner.anchor import anchor
from services.learner.folding.facts import JobFact
from services.learner.holes import UnexplainedHole, explain_hole
from services.learner.hopper import Hopper
from services.learner.plans import PLAN_MISSING
from services.learner.reading import Reader, is_the_same
from tests.fakes.history import History

EVENTS = subjects.EVENTS


class Lossy(MemoryBus):
    """A bus whose tail leaves out places; `erased` ones are not there at all."""

    def __init__(self, left_out: set[int], erased: set[int] | None = None) -> None:
        super().__init__()
        self.left_out, self.erased = left_out, erased or set()

    async def get(self, stream: str, seq: int) -> Stored | None:
        return None if seq in self.erased else await super().get(stream, seq)

    async def extent(self, stream: str) -> Extent:
        extent = await super().extent(stream)
        kept = [place for place in range(extent.first, extent.last + 1) if place not in self.erased]
        return replace(extent, first=kept[0] if kept else extent.last + 1)

    async def tail(
        self, stream: str, filters: tuple[str, ...], after: int, *, follow: bool = True
    ) -> AsyncGenerator[Stored | CaughtUp]:
        async for message in super().tail(stream, filters, after, follow=False):
            if isinstance(message, CaughtUp) or message.seq not in self.left_out | self.erased:
                yield message


async def read(bus: MemoryBus) -> Hopper:
    hopper = Hopper([EVENTS], lambda: 0.0)
    await Reader(bus, MemoryBlobs(), hopper).read(EVENTS, 0)
    return hopper


async def test_a_message_that_was_left_out_stops_it() -> None:
    bus = Lossy({4})
    await History(bus).one_run().whole()
    with pytest.raises(UnexplainedHole, match="place 4"):
        await read(bus)


async def test_an_erased_message_is_passed_over() -> None:
    bus = Lossy(set(), erased={4})
    await History(bus).one_run().whole()
    assert (await read(bus)).drain().positions()[EVENTS].seq == 9


async def test_a_stream_whose_beginning_aged_out_begins_where_it_begins() -> None:
    bus = Lossy(set(), erased={1, 2, 3})
    await History(bus).one_run().whole()
    assert (await read(bus)).drain().counts == {EVENTS: 6}
    await explain_hole(bus, EVENTS, 1, 4)


async def test_a_plan_whose_blob_is_gone_is_counted_and_the_run_goes_on() -> None:
    bus = Lossy(set())
    one = History(bus).one_run()
    await one.say(run.RunPlanned(plan_blob=BlobRef("0" * 64, 3)))
    await one.queued("build")
    batch = (await read(bus)).drain()
    assert batch.skipped == {(EVENTS, PLAN_MISSING): 1}
    assert [type(fact) for fact in batch.facts] == [JobFact]


async def test_a_stream_is_known_by_a_message_that_is_still_there() -> None:
    bus = MemoryBus()
    await History(bus).one_run().whole()
    stored = await bus.get(EVENTS, 5)
    assert stored is not None
    assert await is_the_same(bus, EVENTS, [(5, anchor(stored))])
    assert await is_the_same(bus, EVENTS, [])
    assert not await is_the_same(bus, EVENTS, [(5, "another")])


async def test_a_message_is_known_by_what_it_says_and_not_by_how_its_time_was_rounded() -> None:
    bus = MemoryBus()
    await History(bus).one_run().planned()
    stored = await bus.get(EVENTS, 1)
    assert stored is not None
    assert anchor(stored) == anchor(replace(stored, time=stored.time + timedelta(microseconds=1)))


async def test_a_stream_that_is_shorter_than_what_was_read_is_another() -> None:
    bus = MemoryBus()
    await History(bus).one_run().whole()
    assert not await is_the_same(bus, EVENTS, [(500, "x")])


async def test_a_stream_that_lost_all_known_messages_and_went_on_is_the_same() -> None:
    bus = Lossy(set(), erased={5})
    await History(bus).one_run().whole()
    assert await is_the_same(bus, EVENTS, [(5, "x")])
