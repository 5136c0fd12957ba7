"""Every documented question over ten million steps, as `firebreak sql` opens the file: the five heaviest, by name."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from libs.analytics.examples import EXAMPLES
from libs.analytics.snapshot import THREADS, opened
from services.learner.store.recognizing import seen_before
from tests.bench.figures import Figure, median
from tests.bench.year import STEPS, write_year

if TYPE_CHECKING:
    import duckdb

AIM_MS = 1_000.0
HEAVIEST = 5
SHOWN = ("success-now-against-trend", "flaky-steps")
"""Besides, the one that is answered from sums of days and the one that looks at failures first."""
REPEATS = 3
RECOGNIZING_AIM_MS = 20.0
RECOGNIZED = 50


async def measure(folder: Path) -> list[Figure]:
    """Each figure beside what it took of the processors, over the threads that a question has: on a machine that does
    nothing else the two are about the same."""
    path = folder / "analytics-1.duckdb"
    return await asyncio.to_thread(_measure, path)


def _measure(path: Path) -> list[Figure]:
    write_year(path)
    with opened(path, threads=THREADS) as connection:
        took = {each.name: _asked(connection, each.query) for each in EXAMPLES}
        heaviest = sorted(took, key=lambda name: took[name][1], reverse=True)[:HEAVIEST]
        shown = [*heaviest, *(name for name in SHOWN if name not in heaviest)]
        figures = [_figure(f"question {name}, {STEPS:,} steps", took[name], AIM_MS) for name in shown]
        return [
            *figures,
            _figure("what is known of a failure, at as many", _recognized(connection), RECOGNIZING_AIM_MS),
        ]


def _asked(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[float, float]:
    """Milliseconds by the clock and of the processors, of the fastest of some."""
    found = [_timed(lambda: connection.execute(query).fetchall()) for _ in range(REPEATS)]
    return min(found)


def _recognized(connection: duckdb.DuckDBPyConnection) -> tuple[float, float]:
    rows = connection.execute(f"SELECT fingerprint FROM fingerprint_key LIMIT {RECOGNIZED}").fetchall()
    found = [_timed(partial(seen_before, connection, str(name), 1)) for (name,) in rows]
    return median([clock for clock, _ in found]), median([processor for _, processor in found])


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - clock) * 1000, (time.process_time() - processor) * 1000


def _figure(what: str, took: tuple[float, float], aim: float) -> Figure:
    clock, processor = took
    return Figure(what, clock, "ms", "less", processor / THREADS, f"its processor time over {THREADS} threads", aim)
