"""A log that grows by the day, and its archive."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

from libs.bus.port import CaughtUp, Stored
from libs.contracts import subjects
from services.learner.archive.archivist import Archivist
from services.learner.archive.parquet import Groups
from services.learner.archive.shelf import Shelf
from services.learner.reading import FILTERS
from tests.fakes.calendar import CalendarBus
from tests.fakes.history import History

EVENTS, DELIVERIES = subjects.EVENTS, subjects.DELIVERIES
DAY = timedelta(days=1)


class Kept:
    """`archive` looks at the time at which the log ends."""

    def __init__(self, folder: Path) -> None:
        self.bus = CalendarBus()
        self.history = History(self.bus)
        self.shelf = Shelf(folder)
        self.runs = 0

    async def day(self, runs: int = 1) -> None:
        """Runs on this day; the next one begins."""
        for _ in range(runs):
            self.runs += 1
            await self.history.one_run(self.runs).whole()
        self.bus.now += DAY

    async def archive(self, stream: str = EVENTS, now: datetime | None = None) -> list[date]:
        moment = now or self.bus.now
        written = await Archivist(self.bus, self.shelf, FILTERS, lambda: moment, rest=0).archive(stream)
        return [day.day for day in written]

    def messages(self, stream: str = EVENTS) -> list[Stored]:
        """Everything that the archive has, in order."""
        found: list[Stored] = []
        for day in self.shelf.days(stream):
            with Groups(self.shelf.check(day)) as groups:
                found += [message for group in range(len(groups)) for message in groups.read(group)]
        return found

    async def log(self, stream: str = EVENTS) -> list[Stored]:
        tail = self.bus.tail(stream, FILTERS[stream], 0, follow=False)
        return [message async for message in tail if not isinstance(message, CaughtUp)]
