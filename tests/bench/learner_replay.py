"""How fast the learner's file is made again: from the stream, beside reading it and dropping it, and from the archive.

`make bench` takes a short log. The whole, 1,000,000 step events from the stream and 10,000,000 events from the archive,
takes minutes and some gigabytes of disk:

    python -m tests.bench.learner_replay --whole
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

from libs.blobs.memory import MemoryBlobs
from libs.bus.jetstream import connect
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus, CaughtUp, Stored
from libs.bus.server import NatsServer
from libs.bus.streams import prepare
from libs.contracts import subjects
from services.learner.archive.archivist import GROUP_MESSAGES
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.archive.writing import DayWriter
from services.learner.reading import FILTERS
from services.learner.replay.archived import Archived
from services.learner.replay.rebuild import read_streams
from services.learner.store.database import Database, open_database
from tests.bench.figures import Figure
from tests.bench.table import markdown, report
from tests.fakes.long_log import STEPS, one_run, repeated

STREAM_RUNS, ARCHIVE_RUNS = 1_000, 4_000
WHOLE_STREAM_RUNS, WHOLE_ARCHIVE_RUNS = 1_000_000 // (2 * STEPS), 10_000_000 // 47
DAYS = 10
ROUNDS = 2
"""Reading and dropping, and learning, take turns; the better of each counts, for the neighbours differ."""
TIMES_BARE = 2.0
AIM_A_SECOND = 100_000.0
UNACKNOWLEDGED = 5_000
"""Messages that are sent to the server before it is asked how many it has; it drops what it cannot queue."""
EVENTS = subjects.EVENTS


class Cost(NamedTuple):
    """Of one message, in microseconds: by the wall, and of this process's processor time."""

    wall: float
    processor: float


async def measure(folder: Path, stream_runs: int = STREAM_RUNS, archive_runs: int = ARCHIVE_RUNS) -> list[Figure]:
    return [*await _from_stream(folder, stream_runs), *await _from_archive(folder, archive_runs)]


async def _from_stream(folder: Path, runs: int) -> list[Figure]:
    server = NatsServer(folder / "nats")
    await server.start()
    try:
        bus = await connect(server.url, name="bench")
        await prepare(bus)
        count = await _fill(bus, server.url, repeated(await one_run(), runs, 1))
        bare: list[Cost] = []
        ours: list[Cost] = []
        for number in range(ROUNDS):
            bare.append(await _cost(count, lambda: _drop(bus)))
            # To load DuckDB and to make the tables takes as long for any log, and nothing of a long one.
            database = open_database(folder / f"from-stream-{number}.duckdb")
            ours.append(await _cost(count, lambda: _learn(bus, database)))  # noqa: B023  # run before the next round
            database.close()
        await bus.close()
    finally:
        await server.kill()
    what, beside = f"replay {2 * STEPS * runs:,} step events from the stream", "reading it and dropping it"
    wall = (min(cost.wall for cost in ours), min(cost.wall for cost in bare))
    processor = (min(cost.processor for cost in ours), min(cost.processor for cost in bare))
    return [
        Figure(what, wall[0], "µs a message", "less", wall[1], beside, times_limit=TIMES_BARE),
        Figure("the same, processor time", processor[0], "µs a message", "less", processor[1], beside),
    ]


async def _from_archive(folder: Path, runs: int) -> list[Figure]:
    shelf = Shelf(folder / "archive")
    count = await asyncio.to_thread(_write_archive, shelf, repeated(await one_run(), runs, DAYS))
    database = open_database(folder / "from-archive.duckdb")
    archived = _archived(_Dropped(count), shelf)
    folded = _children()
    cost = await _cost(count, lambda: archived.replay(EVENTS, database))
    folded = (_children() - folded) * 1e6 / count
    assert database.positions() == {EVENTS: count}
    database.close()
    return [
        Figure(f"replay {count:,} events from the archive", 1e6 / cost.wall, "/s", "more", aim=AIM_A_SECOND),
        Figure("the same, processor time: who stores", cost.processor, "µs a message", "less"),
        Figure("the same, processor time: who folds", folded, "µs a message", "less"),
    ]


async def _cost(count: int, work: Callable[[], Awaitable[None]]) -> Cost:
    wall, processor = time.perf_counter(), time.process_time()
    await work()
    return Cost((time.perf_counter() - wall) * 1e6 / count, (time.process_time() - processor) * 1e6 / count)


async def _drop(bus: Bus) -> None:
    async for message in bus.tail(EVENTS, FILTERS[EVENTS], 0, follow=False):
        if isinstance(message, CaughtUp):
            return


async def _learn(bus: Bus, database: Database) -> None:
    """Until all is committed."""
    await read_streams(_archived(bus, Shelf(database.path.parent / "no-archive")), database)


def _archived(bus: Bus, shelf: Shelf) -> Archived:
    def refuse(why: Damaged) -> None:
        raise why

    return Archived(bus, MemoryBlobs(), shelf, refuse, lambda _stream, _place: None)


async def _fill(bus: Bus, url: str, messages: Iterable[Stored]) -> int:
    """Quicker than by appends, whose conditions nobody needs here. How many there are."""
    import nats

    client = await nats.connect(url)  # pyright: ignore[reportUnknownMemberType]  # nats-py's arguments have no types
    sent = 0
    try:
        for some in _chunks(messages, UNACKNOWLEDGED):
            for message in some:
                await client.publish(message.subject, message.data, headers=dict(message.headers))
            sent += len(some)
            while (await bus.extent(EVENTS)).last < sent:
                await asyncio.sleep(0.005)
    finally:
        await client.close()
    return sent


def _write_archive(shelf: Shelf, messages: Iterable[Stored]) -> int:
    count = 0
    for day, of_day in groupby(messages, key=lambda message: message.time.date()):
        writer = DayWriter(shelf, EVENTS, day, after=count)
        for some in _chunks(of_day, GROUP_MESSAGES):
            writer.write(some)
        count = writer.finish().last
    return count


def _chunks(messages: Iterable[Stored], size: int) -> Iterator[list[Stored]]:
    iterator = iter(messages)
    while some := list(islice(iterator, size)):
        yield some


class _Dropped(MemoryBus):
    """A bus whose stream has dropped all that it had: so many messages."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._streams[EVENTS].first_seq, self._streams[EVENTS].last_seq = count + 1, count


def _children() -> float:
    """Processor seconds of the processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def main(whole: bool) -> None:
    runs = (WHOLE_STREAM_RUNS, WHOLE_ARCHIVE_RUNS) if whole else (STREAM_RUNS, ARCHIVE_RUNS)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="firebreak-bench-", ignore_cleanup_errors=True) as folder:
        figures = await measure(Path(folder), *runs)
    told = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the end"
    sys.stdout.write(markdown(report(told, "", time.perf_counter() - began, figures, {})) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.learner_replay", description=__doc__)
    parser.add_argument("--whole", action="store_true", help="the long log")
    asyncio.run(main(parser.parse_args().whole))
