"""Snapshots published again and again under reads: none is torn or old, and no reader stops the writer or a publish."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from libs.analytics.asked import asked
from libs.analytics.question import Ended, Part, Question
from libs.analytics.snapshot import newest_snapshot
from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp
from services.analytics.answerers import Answered, Answerers
from services.learner.folding.fold import fold
from services.learner.reading import FILTERS
from services.learner.store.batch import Batch
from services.learner.store.database import Database
from services.learner.store.library import Library
from services.learner.store.schedule import BUSY_SECONDS, Snapshots
from tests.fakes.history import History

PUBLISHES, LONG_PUBLISHES = 20, 100
READERS = 2
QUESTION_SECONDS = 60.0
MOST_BYTES = 2**40
MOST_ROWS = 10_000_000
MESSAGES_A_RUN = 9
STATE = """
SELECT (SELECT sum(last_seq) FROM (SELECT max(last_seq) AS last_seq FROM cursor GROUP BY stream)) AS place,
    (SELECT sum(events) FROM cursor) AS messages,
    (SELECT count(*) FROM plan_fact) AS plans,
    (SELECT count(*) FROM step_fact) AS steps,
    (SELECT count(*) FROM runs WHERE conclusion = 'success') AS successes
"""


class State(msgspec.Struct, frozen=True):
    """What one snapshot says of itself: everything in it was written in whole runs."""

    place: int
    messages: int
    plans: int
    steps: int
    successes: int


@dataclass
class Writer:
    """A learner without its process: one run a batch, one snapshot a batch."""

    library: Library
    database: Database
    bus: MemoryBus = field(default_factory=MemoryBus)
    runs: int = 0
    place: int = 0
    """As of the last snapshot."""
    paths: list[Path] = field(default_factory=list[Path])

    async def publish(self) -> None:
        self.runs += 1
        await History(self.bus).one_run(self.runs).whole()
        batch, positions = Batch(), self.database.positions()
        for stream, filters in FILTERS.items():
            async for message in self.bus.tail(stream, filters, positions.get(stream, 0), follow=False):
                if not isinstance(message, CaughtUp):
                    batch.add(stream, message, fold(message))
        place = sum(positions.values()) + batch.events
        await asyncio.to_thread(self.database.write, batch)
        self.paths.append(await asyncio.to_thread(self.library.publish, self.database))
        self.place = place
        # Old enough to be removed at the next publish, whoever still reads it.
        os.utime(self.paths[-1], (1, 1))

    def restart(self) -> None:
        self.database.close()
        self.database = self.library.open(pytest.fail)


@pytest.fixture
def publishes(chaos_long: bool) -> int:
    return LONG_PUBLISHES if chaos_long else PUBLISHES


@pytest.fixture
def writer(tmp_path: Path) -> Generator[Writer]:
    folder = tmp_path / "analytics"
    folder.mkdir()
    library = Library(folder)
    one = Writer(library, library.open(pytest.fail))
    yield one
    one.database.close()


async def test_no_reader_sees_half_a_snapshot_or_an_old_one(writer: Writer, publishes: int) -> None:
    await writer.publish()
    async with _answering(writer.library.folder) as answerers:
        reading = [asyncio.create_task(_read(answerers, writer)) for _ in range(READERS)]
        for _ in range(publishes):
            await writer.publish()
            # The readers have a turn; the writer waits for none of them.
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        for task in reading:
            task.cancel()
        await asyncio.wait(reading)
        seen = [state for task in reading for state in await _states(task)]
        last = await _state(answerers)
    assert last.place == writer.place
    assert len(seen) >= publishes / 2
    assert len({state.place for state in seen}) > 3, "they read while it was published"


async def test_who_holds_a_snapshot_open_stops_neither_the_writer_nor_a_publish(writer: Writer, publishes: int) -> None:
    await writer.publish()
    held = newest_snapshot(writer.library.folder)
    with contextlib.ExitStack() as stack:
        # More rows than any pipe holds, so that the answer is under way until somebody reads on.
        half_read = stack.enter_context(
            contextlib.closing(_asked(writer, "SELECT r.range, runs.run_id FROM range(200000) r, runs"))
        )
        first = next(half_read)
        for number in range(publishes):
            await writer.publish()
            if number == publishes // 2:
                writer.restart()
        assert not held.exists(), "the snapshot that is being read was removed, as every old one"
        assert writer.database.positions() == {"EVENTS": MESSAGES_A_RUN * (publishes + 1)}
        rest = list(half_read)
    assert isinstance(rest[-1], Ended)
    assert not rest[-1].cut
    text = b"".join(part for part in [first, *rest] if isinstance(part, bytes))
    assert text.count(b"\n") == 200_001
    assert len(set(writer.paths)) == publishes + 1, "a name is never used twice"


def test_under_a_steady_stream_a_snapshot_is_never_older_than_ten_seconds_or_one_publish() -> None:
    """The schedule on a virtual clock: a fact every tenth of a second for an hour, a copy takes up to half a second."""
    snapshots, now, oldest, copying_seconds = Snapshots(), 0.0, None, 0.5
    while now < 3600:
        now += 0.1
        snapshots = snapshots.wrote(now)
        oldest = now if oldest is None else oldest
        if snapshots.due_in(now) == 0:
            began, now = now, now + copying_seconds
            assert now - oldest <= 10
            snapshots, oldest = snapshots.published(began, now), None
    assert BUSY_SECONDS <= 10


def _asked(writer: Writer, query: str) -> Generator[Part]:
    return asked(writer.library.folder, Question(query, "csv", MOST_ROWS, MOST_BYTES, QUESTION_SECONDS), threads=1)


@contextlib.asynccontextmanager
async def _answering(folder: Path) -> AsyncGenerator[Answerers]:
    answerers = Answerers(folder)
    try:
        yield answerers
    finally:
        await answerers.close()


async def _read(answerers: Answerers, writer: Writer) -> list[State]:
    seen: list[State] = []
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            published = writer.place
            state = await _state(answerers)
            assert state.place >= published, "what was published before the question is in its answer"
            assert not seen or state.place >= seen[-1].place
            seen.append(state)
    return seen


async def _states(task: asyncio.Task[list[State]]) -> list[State]:
    return await task


async def _state(answerers: Answerers) -> State:
    answer = await answerers.answer(Question(STATE, "ndjson", 1, MOST_BYTES, QUESTION_SECONDS))
    assert isinstance(answer, Answered), answer
    state = msgspec.json.decode(answer.text, type=State)
    whole = state.place // MESSAGES_A_RUN
    assert state == State(whole * MESSAGES_A_RUN, whole * MESSAGES_A_RUN, whole, whole, whole)
    return state
