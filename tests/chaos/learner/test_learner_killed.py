"""The learner's process killed at any moment, on a real NATS: its rows are the log's, each once."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from libs.analytics.snapshot import FOLDER, NoSnapshot, ask
from libs.blobs.memory import MemoryBlobs
from libs.bus.port import Bus, BusDown, CaughtUp
from libs.bus.server import NatsServer
from libs.contracts.subjects import DELIVERIES, EVENTS
from libs.views.standing import standing
from services.learner.advising.material import is_material
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.folding.fold import fold
from services.learner.reading import FILTERS
from services.learner.replay.archived import Archived
from services.learner.replay.rebuild import read_streams, rebuild, switch
from services.learner.store.columns import TABLE_OF
from services.learner.store.database import Unreadable, open_database, wal
from services.learner.store.library import Library
from services.learner.store.table import Table
from tests.chaos.services import ServiceProcess
from tests.fakes.contents import contents
from tests.fakes.history import History

Rows = Counter[tuple[str, int, int]]
"""(table, place of the commit, place in it): how many."""

KILLS, LONG_KILLS = 3, 100
COMPARED = 10
"""Of the kills of the long form, every so many is looked at at once."""
BUSY_SECONDS = 60.0
"""For what takes a second on a quiet machine."""
PAUSE_SECONDS = 0.02
"""Between two runs: some 500 events a second, so that the log stays one that can be compared row by row."""
PIECES = 10_000
"""An event of advice is a row a piece."""


@pytest.mark.timeout(1800)
async def test_killed_again_and_again_its_rows_are_the_log(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path, chaos_long: bool
) -> None:
    """No row lost, none doubled, and after every kill the rows are those up to the position: no more, no less.

    A kill in the middle of a checkpoint was once seen to damage the file. Then it is put aside and made anew, and the
    same must hold.
    """
    writing = asyncio.create_task(_write_runs(History(jetstream_bus)))
    chance = random.Random(7)
    killed: list[tuple[dict[str, int], Rows]] = []
    for number in range(LONG_KILLS if chaos_long else KILLS):
        async with asyncio.timeout(2 * BUSY_SECONDS):
            while not await _killed_while_it_stores(nats_server.url, tmp_path, chance.uniform(0, 0.4)):
                pass
        if number % COMPARED == 0 or not chaos_long:
            killed.append(_left_behind(tmp_path))
    writing.cancel()
    await asyncio.wait([writing])
    async with ServiceProcess("learner", nats_server.url, tmp_path) as learner:
        async with asyncio.timeout(BUSY_SECONDS):
            while not await jetstream_bus.load("ev.advice.5") or _positions(tmp_path) != await _ends(jetstream_bus):
                await asyncio.sleep(0.3)
        assert await learner.stopped() == 0
    await _nothing_was_advised_twice(jetstream_bus)
    await _read_its_last_words(jetstream_bus, tmp_path)
    expected = await _log(jetstream_bus)
    assert sum(expected.values()) > 200
    assert _rows(tmp_path) == expected
    for places, rows in killed:
        assert rows == _up_to(expected, places)
    assert any(rows for _, rows in killed), "it was killed while it stored"
    assert contents(_live(tmp_path)) == await _undisturbed(jetstream_bus, tmp_path / "undisturbed")


async def test_snapshots_are_whole_while_the_learner_writes_and_dies(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path
) -> None:
    writing = asyncio.create_task(_write_runs(History(jetstream_bus)))
    seen = 0
    for _ in range(2):
        async with ServiceProcess("learner", nats_server.url, tmp_path) as learner:
            await _published(tmp_path)
            for _ in range(20):
                await asyncio.sleep(0.1)
                if positions := _positions(tmp_path):
                    assert sum(positions.values()) >= seen
                    seen = sum(positions.values())
                    rows = _rows(tmp_path)
                    assert max(rows.values(), default=1) == 1
            learner.kill()
    writing.cancel()
    await asyncio.wait([writing])
    assert seen > 0


async def _killed_while_it_stores(nats_url: str, home: Path, after_seconds: float) -> bool:
    """Kills a learner so long after it has begun to store. False where it ended before by itself."""
    before = _touched(home)
    async with ServiceProcess("learner", nats_url, home) as learner:
        while _touched(home) == before and not learner.ended:
            await asyncio.sleep(0.005)
        await asyncio.sleep(after_seconds)
        return not learner.ended


async def _published(home: Path) -> None:
    """A first snapshot is there; on a busy machine the learner needs some seconds for it."""
    async with asyncio.timeout(60):
        while not _positions(home):
            await asyncio.sleep(0.1)


async def _write_runs(history: History) -> None:
    for number in range(1, 100_000):
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            await history.delivered(f"{number:08x}-2222-3333-4444-555555555555")
            await history.one_run(number, path=f"workflow-{number % 7}.yml").whole(("build", f"test-{number % 5}"))
        except BusDown:  # a busy machine's; the run stays as it is
            continue


async def _nothing_was_advised_twice(bus: Bus) -> None:
    """Each commit tells something that the one before it does not."""
    told = [standing(stored, stored.time) for stored in await bus.load("ev.advice.5")]
    assert told
    for before, after in pairwise(told):
        assert is_material(before, after.given.advice, tuple(after.measured.values()), after.at)


async def _ends(bus: Bus) -> dict[str, int]:
    return {stream: (await bus.extent(stream)).last for stream in FILTERS}


async def _log(bus: Bus) -> Rows:
    """Every fact that the log holds."""
    facts: Rows = Counter()
    for stream, filters in FILTERS.items():
        async for message in bus.tail(stream, filters, 0, follow=False):
            if isinstance(message, CaughtUp):
                continue
            for fact in fold(message).facts:
                place = getattr(fact, "place", 0) * PIECES + getattr(fact, "piece", 0)
                facts[TABLE_OF[type(fact)].name, message.seq, place] += 1
    return facts


def _positions(home: Path) -> dict[str, int]:
    try:
        with ask(home / FOLDER, "SELECT stream, max(last_seq) FROM cursor GROUP BY stream") as answer:
            return {str(stream): int(str(seq)) for stream, seq in answer.rows}
    except NoSnapshot:
        return {}


def _live(home: Path) -> Path:
    return Library(home / FOLDER).live


def _touched(home: Path) -> list[tuple[int, int]]:
    """Changes whenever the learner stores something."""
    paths = (_live(home), wal(_live(home)))
    return [(path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists()]


def _left_behind(home: Path) -> tuple[dict[str, int], Rows]:
    """Positions and rows of the file as a kill left it: of a copy, which nobody mends afterwards. Nothing of a torn
    file, which the next learner will not open either.
    """
    import duckdb

    copy = home / "left.duckdb"
    for path, target in ((_live(home), copy), (wal(_live(home)), wal(copy))):
        target.unlink(missing_ok=True)
        if path.exists():
            shutil.copyfile(path, target)
    try:
        open_database(copy).close()
    except Unreadable:
        return {}, Counter()
    with duckdb.connect(str(copy)) as connection:
        places = dict(connection.execute("SELECT stream, max(last_seq) FROM cursor GROUP BY stream").fetchall())
        return places, Counter(connection.execute(_every_row()).fetchall())


def _up_to(rows: Rows, places: dict[str, int]) -> Rows:
    def place(table: str) -> int:
        return places.get(DELIVERIES if table == "delivery_fact" else EVENTS, 0)

    return Counter({row: count for row, count in rows.items() if row[1] <= place(row[0])})


async def _read_its_last_words(bus: Bus, home: Path) -> None:
    """What it said itself may not have come back to it before it was stopped."""
    library = Library(home / FOLDER)
    database = library.open(pytest.fail)
    await read_streams(_archived(bus, home), database)
    library.publish(database)
    database.close()


async def _undisturbed(bus: Bus, folder: Path) -> dict[str, tuple[int, int]]:
    """The same log, folded at one go."""
    library = Library(folder)
    await rebuild(_archived(bus, folder), library)
    assert await switch(library)
    return contents(library.live)


def _archived(bus: Bus, folder: Path) -> Archived:
    def refuse(why: Damaged) -> None:
        raise why

    return Archived(bus, MemoryBlobs(), Shelf(folder / "archive"), refuse, lambda _stream, _place: None)


def _rows(home: Path) -> Rows:
    with ask(home / FOLDER, _every_row()) as answer:
        return Counter((str(name), int(str(seq)), int(str(place))) for name, seq, place in answer.rows)


def _every_row() -> str:
    return " UNION ALL ".join(
        f"SELECT '{table.name}', seq, {_place(table)} FROM {table.name}" for table in TABLE_OF.values()
    )


def _place(table: Table) -> str:
    place = "place" if "place" in table.columns else "0"
    return f"{place} * {PIECES} + piece" if "piece" in table.columns else f"{place} * {PIECES}"
