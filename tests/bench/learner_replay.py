"""How fast the learner replays the log, beside reading the same stream and dropping it, in the same run.

python -m tests.bench.learner_replay [RUNS]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from libs.blobs.memory import MemoryBlobs
from libs.bus.jetstream import connect
from libs.bus.port import Bus, CaughtUp
from libs.bus.server import NatsServer
from libs.bus.streams import prepare
from libs.contracts import subjects
from services.learner.hopper import Hopper
from services.learner.reading import FILTERS, Reader
from services.learner.store.library import Library
from tests.fakes.history import History

RUNS = 2_000
IN_FLIGHT = 64


async def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder) / "nats")
        await server.start()
        try:
            bus = await connect(server.url, name="bench")
            await prepare(bus)
            await _fill(bus, runs)
            events, bare = await _bare(bus)
            learned = await _learn(bus, Path(folder) / "analytics")
            await bus.close()
        finally:
            await server.kill()
    sys.stdout.write(f"{events} events: read and dropped {events / bare:,.0f}/s, learned {events / learned:,.0f}/s")
    sys.stdout.write(f" ({learned / bare:.2f} times as long)\n")


async def _fill(bus: Bus, runs: int) -> None:
    history = History(bus)
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with slots:
            await history.one_run(number, path=f"workflow-{number % 20}.yml").whole(("build", f"test-{number % 10}"))

    await asyncio.gather(*(one(number) for number in range(1, runs + 1)))


async def _bare(bus: Bus) -> tuple[int, float]:
    began, events = time.perf_counter(), 0
    async for message in bus.tail(subjects.EVENTS, FILTERS[subjects.EVENTS], 0, follow=False):
        events += not isinstance(message, CaughtUp)
    return events, time.perf_counter() - began


async def _learn(bus: Bus, folder: Path) -> float:
    """Seconds until all is committed, opening the file included."""
    began = time.perf_counter()
    library = Library(folder)
    folder.mkdir()
    database = library.open(lambda told: print(told, file=sys.stderr))
    hopper = Hopper([subjects.EVENTS], time.monotonic)
    reading = asyncio.create_task(Reader(bus, MemoryBlobs(), hopper).read(subjects.EVENTS, 0))
    last = (await bus.extent(subjects.EVENTS)).last
    while database.positions().get(subjects.EVENTS, 0) < last:
        if (batch := await hopper.take(1.0)) is not None:
            await asyncio.to_thread(database.write, batch)
    seconds = time.perf_counter() - began
    reading.cancel()
    await asyncio.wait([reading])
    database.close()
    return seconds


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
