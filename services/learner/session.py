"""One opened file of the learner: filled from archive and streams, and published, until it is to be another.

Analysts go on with the last snapshot while a file is made anew from the log: nothing is published before it has been
read up to the log's end.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from libs.process import Process
from libs.telemetry import log
from services.learner.advising.advisor import Advisor
from services.learner.archive.archivist import Archivist
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.hopper import Hopper
from services.learner.reading import FILTERS, Reader, is_the_same
from services.learner.replay.archived import Archived
from services.learner.store.database import Database, NotStored
from services.learner.store.library import Library, NotCopied
from services.learner.store.schedule import Snapshots
from services.learner.thread import in_thread

LOOK_SECONDS = 1.0
"""How often it is looked whether a successor is ready, where no batch comes."""

_log = log.get("learner")


class Renewed(Exception):
    """A file that was made beside this one is ready: open again."""


async def serve_file(process: Process, library: Library) -> None:
    """Until cancelled. Raises Renewed, UnexplainedHole, BusDown, Busy, NotStored."""
    database = await _open(process, library)
    hopper = Hopper(FILTERS, time.monotonic)
    reader = Reader(process.bus, process.blobs, hopper)
    advisor = Advisor(process.bus, process.settings.timeout_floor_seconds * 1000)
    try:
        await _from_archive(process, database)
        positions = await in_thread(database.positions)
        _log.info("reading", folder=library.folder, **{stream.lower(): positions.get(stream, 0) for stream in FILTERS})
        async with asyncio.TaskGroup() as tasks:
            for stream in FILTERS:
                tasks.create_task(reader.read(stream, positions.get(stream, 0)))
            tasks.create_task(_write(database, library, hopper, advisor))
            tasks.create_task(advisor.give())
            tasks.create_task(advisor.tell())
            tasks.create_task(_archive(process, hopper))
    except ExceptionGroup as group:
        if any(isinstance(error, NotStored) for error in group.exceptions):
            library.suspect()
        raise group.exceptions[0] from group
    except asyncio.CancelledError:
        await _settle(database, library, hopper)
        raise
    finally:
        database.close()


async def _from_archive(process: Process, database: Database) -> None:
    """What the file lacks and the archive has. A day that is lost leaves a hole, which is better than no learner."""

    def lost(why: Damaged) -> None:
        _log.error("a part of the log is lost; what is learned is without it", why=why)

    archived = Archived(process.bus, process.blobs, Shelf(process.settings.archive), lost, lambda _stream, _place: None)
    for stream in FILTERS:
        try:
            await archived.replay(stream, database)
        except Damaged as error:
            _log.error("the archive cannot be read; the stream has what it has", stream=stream, why=error)


async def _archive(process: Process, hopper: Hopper) -> None:
    """Not before the log has been read once: what people look at comes first."""
    while not hopper.live:
        await asyncio.sleep(LOOK_SECONDS)
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


async def _write(database: Database, library: Library, hopper: Hopper, advisor: Advisor) -> None:
    """Batches into the file, and a snapshot whenever one is due. A file that no snapshot shows gets one at once. What
    is live is advised of after it was stored.
    """
    snapshots = Snapshots.overdue(time.monotonic())
    while not library.successor.ready.exists():
        due_in = snapshots.due_in(time.monotonic()) if hopper.live else None
        if due_in == 0:
            snapshots = await _publish(database, library, snapshots)
            continue
        if hopper.live and not advisor.begun.is_set():
            await advisor.begin(database)
        await advisor.look_up(database)
        batch = await hopper.take(LOOK_SECONDS if due_in is None else min(due_in, LOOK_SECONDS))
        if batch is not None:
            await in_thread(database.write, batch)
            advisor.wrote(batch)
            snapshots = snapshots.wrote(time.monotonic())
    raise Renewed


async def _publish(database: Database, library: Library, snapshots: Snapshots) -> Snapshots:
    began = time.monotonic()
    try:
        path: Path | None = await in_thread(library.publish, database)
        _log.debug("snapshot", path=path)
    except NotCopied as error:
        _log.error("no snapshot was published; the next change tries again", why=error)
    return snapshots.published(began, time.monotonic())
