"""The learner's process killed at any moment, on a real NATS: its rows are the log's, each once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

from libs.analytics.snapshot import NoSnapshot, ask
from libs.bus.port import Bus, CaughtUp
from libs.bus.server import NatsServer
from libs.views.standing import standing
from services.learner.advising.material import is_material
from services.learner.folding.fold import fold
from services.learner.reading import FILTERS
from services.learner.store.columns import TABLE_OF
from services.learner.store.table import Table
from tests.chaos.services import ServiceProcess
from tests.fakes.history import History

KILLS, LONG_KILLS = 5, 20
FOLDER = "analytics"
PIECES = 10_000
"""An event of advice is a row a piece."""


async def test_killed_again_and_again_its_rows_are_the_log(
    nats_server: NatsServer, jetstream_bus: Bus, tmp_path: Path, chaos_long: bool
) -> None:
    history = History(jetstream_bus)
    writing = asyncio.create_task(_write_runs(history))
    chance = random.Random(7)
    for _ in range(LONG_KILLS if chaos_long else KILLS):
        async with ServiceProcess("learner", nats_server.url, tmp_path) as learner:
            await asyncio.sleep(chance.uniform(0.6, 1.8))
            learner.kill()
    writing.cancel()
    await asyncio.wait([writing])
    async with ServiceProcess("learner", nats_server.url, tmp_path) as learner:
        async with asyncio.timeout(60):
            while _positions(tmp_path) != (await _log(jetstream_bus))[1]:  # it adds advice of its own
                await asyncio.sleep(0.3)
        assert await learner.stopped() == 0
    # Its last words may not have come back to it.
    expected = (await _log(jetstream_bus, _positions(tmp_path)))[0]
    assert sum(expected.values()) > 500
    assert _rows(tmp_path) == expected
    assert not list((tmp_path / FOLDER).glob("aside/*")), "a kill is no damage"
    await _nothing_was_advised_twice(jetstream_bus)


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


async def _published(home: Path) -> None:
    """A first snapshot is there; on a busy machine the learner needs some seconds for it."""
    async with asyncio.timeout(60):
        while not _positions(home):
            await asyncio.sleep(0.1)


async def _write_runs(history: History) -> None:
    for number in range(1, 100_000):
        await history.delivered(f"{number:08x}-2222-3333-4444-555555555555")
        await history.one_run(number, path=f"workflow-{number % 7}.yml").whole(("build", f"test-{number % 5}"))


async def _nothing_was_advised_twice(bus: Bus) -> None:
    """Each commit tells something that the one before it does not."""
    told = [standing(stored, stored.time) for stored in await bus.load("ev.advice.5")]
    assert told
    for before, after in pairwise(told):
        assert is_material(before, after.given.advice, tuple(after.measured.values()), after.at)


async def _log(bus: Bus, upto: dict[str, int] | None = None) -> tuple[Counter[tuple[str, int, int]], dict[str, int]]:
    """(table, seq, place) of every fact that the log holds, or holds up to there; and how far it goes."""
    facts: Counter[tuple[str, int, int]] = Counter()
    positions: dict[str, int] = {}
    for stream, filters in FILTERS.items():
        async for message in bus.tail(stream, filters, 0, follow=False):
            if isinstance(message, CaughtUp) or (upto is not None and message.seq > upto[stream]):
                continue
            positions[stream] = message.seq
            for fact in fold(message).facts:
                place = getattr(fact, "place", 0) * PIECES + getattr(fact, "piece", 0)
                facts[TABLE_OF[type(fact)].name, message.seq, place] += 1
    return facts, positions


def _positions(home: Path) -> dict[str, int]:
    try:
        with ask(home / FOLDER, "SELECT stream, max(last_seq) FROM cursor GROUP BY stream") as answer:
            return {str(stream): int(str(seq)) for stream, seq in answer.rows}
    except NoSnapshot:
        return {}


def _place(table: Table) -> str:
    place = "place" if "place" in table.columns else "0"
    return f"{place} * {PIECES} + piece" if "piece" in table.columns else f"{place} * {PIECES}"


def _rows(home: Path) -> Counter[tuple[str, int, int]]:
    parts = [f"SELECT '{table.name}', seq, {_place(table)} FROM {table.name}" for table in TABLE_OF.values()]
    with ask(home / FOLDER, " UNION ALL ".join(parts)) as answer:
        return Counter((str(name), int(str(seq)), int(str(place))) for name, seq, place in answer.rows)
