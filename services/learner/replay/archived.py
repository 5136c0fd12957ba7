"""The archive into a learner's file: day by day behind the file's place, exactly once like everything that it stores.

While a batch is stored, the next one is folded by other processes: of three parts of the work two are theirs.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from libs.blobs.port import Blobs
from libs.bus.port import Bus
from services.learner.archive.day import Day
from services.learner.archive.parquet import Groups
from services.learner.archive.shelf import Shelf
from services.learner.plans import fold_with_plan
from services.learner.replay.folders import folders
from services.learner.replay.frames import FoldGroup, Group, facts_of
from services.learner.replay.route import Lost, archived_days
from services.learner.store.batch import Batch
from services.learner.store.database import Database
from services.learner.thread import in_thread

BATCH_EVENTS = 50_000
"""Two of them are in memory, one of them being stored. Larger ones are not stored faster."""


@dataclass(frozen=True, slots=True)
class Archived:
    """`lost` is told what is nowhere any more; `stored` the stream and how far it is in, after each batch."""

    bus: Bus
    blobs: Blobs
    shelf: Shelf
    lost: Lost
    stored: Callable[[str, int], None]

    async def replay(self, stream: str, database: Database) -> None:
        """Raises Damaged, BusDown, NotStored; what was stored stays, and the next replay goes on behind it."""
        position = (await in_thread(database.positions)).get(stream, 0)
        days = await archived_days(self.bus, self.shelf, stream, position, self.lost)
        if days:
            await self._store(stream, database, _requests(self.shelf, days, position))

    async def _store(self, stream: str, database: Database, requests: AsyncGenerator[FoldGroup]) -> None:
        writer = _Writer(database, lambda position: self.stored(stream, position))
        batch = Batch()
        try:
            async with folders() as processes, aclosing(processes.fold(requests)) as groups:
                async for group in groups:
                    await self._add(batch, stream, group)
                    if batch.full(BATCH_EVENTS):
                        await writer.write(batch)
                        batch = Batch()
            if batch.events:
                await writer.write(batch)
        finally:
            await writer.done()

    async def _add(self, batch: Batch, stream: str, group: Group) -> None:
        if group.last is None:
            return
        facts, skipped = facts_of(group), Counter(group.skipped)
        for message in group.plans:
            folded = await fold_with_plan(message, self.blobs)
            facts.extend(folded.facts)
            skipped.update(folded.skipped)
        batch.add_group(stream, group.last, group.messages, facts, skipped)


class _Writer:
    """Stores one batch while whoever calls fills the next one."""

    def __init__(self, database: Database, stored: Callable[[int], None]) -> None:
        self._database, self._stored = database, stored
        self._writing: asyncio.Task[None] | None = None

    async def write(self, batch: Batch) -> None:
        """Waits for the batch before. Raises what storing that one raised."""
        await self.done()
        self._writing = asyncio.create_task(self._write(batch))

    async def done(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await writing

    async def _write(self, batch: Batch) -> None:
        await in_thread(self._database.write, batch)
        for position in batch.positions().values():
            self._stored(position.seq)


async def _requests(shelf: Shelf, days: Sequence[Day], after: int) -> AsyncGenerator[FoldGroup]:
    for day in days:
        path = shelf.file(day)
        for group in range(await in_thread(_count, path)):
            yield FoldGroup(str(path), group, after)


def _count(path: Path) -> int:
    with Groups(path) as groups:
        return len(groups)
