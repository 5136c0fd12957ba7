"""Advice on the bus: given once, whatever ends between deciding and writing, and whoever else is about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from libs.bus.memory import MemoryBus
from libs.bus.port import BusDown, Stored
from libs.contracts import envelope, subjects
from libs.contracts.advice import AdviceGiven, AdviceMeasured, PoolAdvice, TimeoutAdvice
from libs.contracts.ids import RepositoryId
from libs.views.standing import standing
from services.learner.advising.giving import Giver
from services.learner.advising.memory import HOSTS
from tests.unit.services.learner.advising.story import MINUTE_MS, REPOSITORY, Story

SUBJECT = subjects.advice(RepositoryId(REPOSITORY))


def known(successes: int = 12) -> Story:
    story = Story()
    for _ in range(successes):
        story.run(ms=MINUTE_MS)
    return story


def giver(bus: MemoryBus, story: Story) -> Giver:
    one = Giver(bus, story.floor_ms, lambda: datetime.fromtimestamp(story.now, UTC))
    one.begin(story.memory)
    return one


async def commits(bus: MemoryBus, subject: str = SUBJECT) -> list[Stored]:
    return await bus.load(subject)


async def limit(bus: MemoryBus) -> TimeoutAdvice:
    stands = standing(await bus.last(SUBJECT), datetime.now(UTC))
    (found,) = [piece for piece in stands.given.advice if isinstance(piece, TimeoutAdvice)]
    return found


@asynccontextmanager
async def running(one: Giver) -> AsyncGenerator[None]:
    task = asyncio.ensure_future(one.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def eventually(bus: MemoryBus, count: int, subject: str = SUBJECT) -> None:
    async with asyncio.timeout(5):
        while len(await commits(bus, subject)) < count:
            await asyncio.sleep(0.01)


async def test_what_is_known_at_the_start_is_given_once() -> None:
    bus, story = MemoryBus(), known()
    async with running(giver(bus, story)):
        await eventually(bus, 1)
    async with running(giver(bus, story)):
        await asyncio.sleep(0.05)
    (stored,) = await commits(bus)
    commit = envelope.decode_commit(stored.data)
    assert [envelope.type_of(event) for event in commit.events] == ["AdviceGiven"]
    assert commit.source == "learner"


async def test_a_kill_is_told_at_once_and_doubles_the_limit() -> None:
    bus, story = MemoryBus(), known()
    one = giver(bus, story)
    async with running(one):
        await eventually(bus, 1)
        before = (await limit(bus)).limit_ms
        story.seen.clear()
        story.remembers = False
        story.run("timeout", before, limit_ms=before)
        one.saw(story.seen, story.seq)
        await eventually(bus, 2)
    after = await limit(bus)
    assert (after.kills, after.limit_ms) == (1, 2 * before)
    stands = standing(await bus.last(SUBJECT), datetime.now(UTC))
    assert [each.applied for each in stands.measured.values() if each.kind == "timeout"] == [1]


async def test_two_learners_give_it_once() -> None:
    bus, story = MemoryBus(), known()
    first, second = giver(bus, story), giver(bus, story)
    await asyncio.gather(first.give(REPOSITORY), second.give(REPOSITORY))
    await first.give(REPOSITORY)
    await second.give(REPOSITORY)
    assert len(await commits(bus)) == 1


async def test_one_that_lost_the_place_looks_again() -> None:
    bus, story = MemoryBus(), known(3)
    first, second = giver(bus, story), giver(bus, story)
    await first.give(REPOSITORY)
    for _ in range(20):
        story.run(ms=3 * MINUTE_MS)
    await second.give(REPOSITORY)
    story.run(ms=1000 * MINUTE_MS)
    await first.give(REPOSITORY)  # it still knows its own commit as the last
    await first.give(REPOSITORY)
    stored = await commits(bus)
    assert len(stored) in (2, 3)
    assert standing(stored[-1], datetime.now(UTC)).given.position == story.memory.position


class Unsure(MemoryBus):
    """Stores, and says that it does not know."""

    broken = 1

    async def append(self, commit: envelope.Commit, *, expected: int | None) -> int:
        place = await super().append(commit, expected=expected)
        if self.broken:
            self.broken -= 1
            raise BusDown("no answer")
        return place


async def test_an_append_of_unknown_end_is_not_made_twice() -> None:
    bus, story = Unsure(), known()
    async with running(giver(bus, story)):
        await asyncio.sleep(1.2)
    assert bus.broken == 0
    assert len(await commits(bus)) == 1


async def test_the_hosts_have_a_subject_of_their_own() -> None:
    bus, story = MemoryBus(), Story()
    story.joins()
    for _ in range(30):
        story.arrives(story.run(after_hours=0.01))
    await giver(bus, story).give(HOSTS)
    (stored,) = await commits(bus, subjects.ADVICE_FOR_HOSTS)
    (piece,) = standing(stored, datetime.now(UTC)).given.advice
    assert isinstance(piece, PoolAdvice)
    assert (piece.host, piece.target > 0) == ("host-1", True)


async def test_garbage_where_advice_stands_is_replaced() -> None:
    bus, story = MemoryBus(), known()
    strange = AdviceMeasured("timeout", "", "x", "", datetime.now(UTC), datetime.now(UTC), 0, 0, 0, 0)  # type: ignore[arg-type]
    for events in ([strange], [AdviceGiven(0, ())]):
        last = await bus.last(SUBJECT)
        commit = envelope.commit(
            id=f"garbage-{len(events)}-{last}",  # type: ignore[arg-type]
            source="test",
            subject=SUBJECT,
            cause="test",  # type: ignore[arg-type]
            now=datetime.now(UTC),
            events=[*events],
        )
        await bus.append(commit, expected=last.seq if last else 0)
    await giver(bus, story).give(REPOSITORY)
    assert (await limit(bus)).n == 12
