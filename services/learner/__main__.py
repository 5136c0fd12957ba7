"""The learner's process: tails the log from its own place, writes DuckDB, publishes snapshots for analysts.

*Consumes:* DELIVERIES and EVENTS, all of them, without a consumer on the server: its place is in its own file.
*Emits:* nothing yet.
*Owns:* `<home>/analytics`: its DuckDB file and the snapshots; `<home>/archive`: closed days of both streams.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from libs import process
from libs.analytics.snapshot import FOLDER
from libs.process import Process
from libs.telemetry import log
from services.learner.archive.archivist import Archivist
from services.learner.archive.shelf import Shelf
from services.learner.hopper import Hopper
from services.learner.reading import FILTERS, Reader, is_the_same
from services.learner.store.database import Database
from services.learner.store.library import Library, NotCopied
from services.learner.store.schedule import Snapshots
from services.learner.thread import in_thread

LOCK_SECONDS = 1.0
"""A second learner stands by and looks this often whether the first is gone."""

_log = log.get("learner")


async def serve(process: Process) -> None:
    """Runs until cancelled. Raises UnexplainedHole, BusDown, Busy, and DuckDB's errors in writing: the next start goes
    on where the file says, or rebuilds it.
    """
    library = Library(process.settings.home / FOLDER)
    waiting = False
    while True:
        with library.writing() as mine:
            if mine:
                await _serve(process, library)
                return
        if not waiting:
            _log.info("another learner has this folder; standing by", folder=library.folder)
            waiting = True
        await asyncio.sleep(LOCK_SECONDS)


async def _serve(process: Process, library: Library) -> None:
    database = await _open(process, library)
    hopper = Hopper(FILTERS, time.monotonic)
    reader = Reader(process.bus, process.blobs, hopper)
    try:
        positions = await in_thread(database.positions)
        _log.info("reading", folder=library.folder, **{stream.lower(): positions.get(stream, 0) for stream in FILTERS})
        async with asyncio.TaskGroup() as tasks:
            for stream in FILTERS:
                tasks.create_task(reader.read(stream, positions.get(stream, 0)))
            tasks.create_task(_write(database, library, hopper))
            tasks.create_task(_archive(process, hopper))
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    except asyncio.CancelledError:
        await _settle(database, library, hopper)
        raise
    finally:
        database.close()


async def _archive(process: Process, hopper: Hopper) -> None:
    """Not before the log has been read once: what people look at comes first."""
    while not hopper.live:
        await asyncio.sleep(LOCK_SECONDS)
    await Archivist(process.bus, Shelf(process.settings.archive), FILTERS).run()


async def _settle(database: Database, library: Library, hopper: Hopper) -> None:
    """A clean end: analysts of a stopped installation see everything that happened."""
    if not hopper.live:
        return
    batch = hopper.drain()
    if batch.events:
        await in_thread(database.write, batch)
    await _publish(database, library, Snapshots())


async def _open(process: Process, library: Library) -> Database:
    """The file, made anew where it is damaged or is of another log."""

    def aside(why: str) -> None:
        _log.error("the file was put aside and is rebuilt from the log", why=why, folder=library.folder / "aside")

    database = await in_thread(library.open, aside)
    for stream in FILTERS:
        if not await is_the_same(process.bus, stream, await in_thread(database.anchors, stream)):
            database.close()
            aside(f"it was made from another {stream} stream")
            library.put_aside()
            return await in_thread(library.open, aside)
    return database


async def _write(database: Database, library: Library, hopper: Hopper) -> None:
    """Batches into the file, and a snapshot whenever one is due. A file that no snapshot shows gets one at once."""
    snapshots = Snapshots.overdue(time.monotonic())
    while True:
        due_in = snapshots.due_in(time.monotonic()) if hopper.live else None
        if due_in == 0:
            snapshots = await _publish(database, library, snapshots)
            continue
        batch = await hopper.take(due_in if hopper.live else LOCK_SECONDS)
        if batch is not None:
            await in_thread(database.write, batch)
            snapshots = snapshots.wrote(time.monotonic())


async def _publish(database: Database, library: Library, snapshots: Snapshots) -> Snapshots:
    began = time.monotonic()
    try:
        path: Path | None = await in_thread(library.publish, database)
        _log.debug("snapshot", path=path)
    except NotCopied as error:
        _log.error("no snapshot was published; the next change tries again", why=error)
    return snapshots.published(began, time.monotonic())


def main() -> None:
    process.main("learner", serve)


if __name__ == "__main__":
    main()
