"""A whole file from the log, beside the one that is in use: archive, then streams, up to what is there now."""

from __future__ import annotations

import asyncio
import time

from services.learner.hopper import Hopper
from services.learner.reading import FILTERS, Reader
from services.learner.replay.archived import Archived
from services.learner.store.database import Database
from services.learner.store.library import Library
from services.learner.thread import in_thread

LOOK_SECONDS = 0.2
TAKEN_SECONDS = 60.0
"""A learner that runs looks between two batches; one that reads a long log stores a batch in some seconds."""


async def rebuild(archived: Archived, library: Library) -> dict[str, int]:
    """Makes the successor of the live file. Its positions. Raises BeingMade, Damaged, UnexplainedHole,
    NotStored, BusDown.
    """
    with library.successor.making() as database:
        for stream in FILTERS:
            await archived.replay(stream, database)
        await read_streams(archived, database)
        positions = database.positions()
        await in_thread(library.successor.finish, database)
        return positions


async def switch(library: Library) -> bool:
    """Waits until the learner has taken the successor, or takes it itself where none runs. False where a learner runs
    and does not: it will at its next start. Raises NotCopied, NotStored.
    """
    give_up = time.monotonic() + TAKEN_SECONDS
    while library.successor.ready.exists():
        with library.writing() as mine:
            if mine:
                await in_thread(_take, library)
                return True
        if time.monotonic() > give_up:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True


def _take(library: Library) -> None:
    database = library.open(lambda _: None)
    try:
        library.publish(database)
    finally:
        database.close()


async def read_streams(archived: Archived, database: Database) -> None:
    """What the streams have behind the file's places, up to their ends. Raises UnexplainedHole, NotStored, BusDown."""
    hopper = Hopper(FILTERS, time.monotonic)
    reader = Reader(archived.bus, archived.blobs, hopper)
    positions = database.positions()
    try:
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(reader.read(stream, positions.get(stream, 0))) for stream in FILTERS]
            while not hopper.live:
                await _store(archived, database, hopper)
            await _store(archived, database, hopper)
            for task in reading:
                task.cancel()
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


async def _store(archived: Archived, database: Database, hopper: Hopper) -> None:
    batch = await hopper.take(LOOK_SECONDS)
    if batch is not None:
        await in_thread(database.write, batch)
        for stream, position in batch.positions().items():
            archived.stored(stream, position.seq)
