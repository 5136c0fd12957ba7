"""Between the file and what is said: the memory is read back once, and told of each batch after that was stored."""

from __future__ import annotations

import asyncio
import time

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.telemetry import log
from services.learner.advising.giving import Giver
from services.learner.advising.memory import Memory
from services.learner.advising.of_facts import seen_of
from services.learner.advising.rebuilding import rebuild
from services.learner.advising.recognizing import Recognizer
from services.learner.store.batch import Batch
from services.learner.store.database import Database
from services.learner.thread import in_thread


class Advisor:
    """Of one opened file. Silent until `begin`: nobody is advised by half of the log."""

    def __init__(self, bus: Bus, floor_ms: float) -> None:
        self._giver = Giver(bus, floor_ms)
        self._recognizer = Recognizer(bus)
        self._memory = Memory()
        self.begun = asyncio.Event()
        self._log = log.get("learner")

    async def begin(self, database: Database) -> None:
        """Everything up to the log's end is in the file."""
        began = time.monotonic()
        self._memory = await in_thread(rebuild, database.connection)
        await self._recognizer.begin(database)
        self._giver.begin(self._memory)
        self.begun.set()
        self._log.info("advising", jobs=len(self._memory.jobs), after_seconds=round(time.monotonic() - began, 1))

    def wrote(self, batch: Batch) -> None:
        """This is in the file now. Before `begin` it is read back with all else."""
        events = batch.last.get(subjects.EVENTS)
        if self.begun.is_set() and events is not None:
            self._giver.saw([seen for fact in batch.facts if (seen := seen_of(fact)) is not None], events.seq)
            self._recognizer.failures.saw(batch.facts)

    async def look_up(self, database: Database) -> None:
        """Between two batches: failures that wait to be recognized."""
        await self._recognizer.look_up(database, self._memory.planned)

    async def give(self) -> None:
        """Until cancelled: writes advice."""
        await self.begun.wait()
        await self._giver.run()

    async def tell(self) -> None:
        """Until cancelled: writes which failures were recognized."""
        await self._recognizer.run()
