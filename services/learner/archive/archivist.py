"""Writes closed days of the streams into the archive, beside the learner's other work and after it.

It reads a stream a second time, from where the archive ends (or has a gap) up to the first message of a day that is not
over. What it cannot do today it tries again: the streams keep messages for months, and it says when that runs out.
Nothing of the messages' contents is known here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from libs.bus.port import Bus, BusDown, CaughtUp, Stored
from libs.bus.streams import DELIVERY_DAYS, EVENT_DAYS
from libs.contracts import subjects
from libs.telemetry import log
from services.learner.archive.day import Day, day_of, in_danger, is_closed
from services.learner.archive.identity import own_days
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.archive.writing import DayWriter
from services.learner.holes import UnexplainedHole, explain_hole
from services.learner.thread import in_thread

CHECK_SECONDS = 600.0
"""A day is archived some minutes after it is over; nobody waits for it."""
GROUP_MESSAGES = 10_000
GROUP_BYTES = 8 * 1024 * 1024
"""Of bodies in one row group: what the archive needs of memory, twice."""
REST = 3.0
"""It works a quarter of the time, so that who reads live does not notice."""
KEPT_DAYS = {subjects.DELIVERIES: DELIVERY_DAYS, subjects.EVENTS: EVENT_DAYS}
FIRST_DAY = date(1970, 1, 1)

_log = log.get("learner")


@dataclass
class Archivist:
    """`now` is the wall clock; `rest` may be 0 where nobody else is about."""

    bus: Bus
    shelf: Shelf
    filters: Mapping[str, tuple[str, ...]]
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    rest: float = REST

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for stream in self.filters:
                await self.look(stream)
            await asyncio.sleep(CHECK_SECONDS)

    async def look(self, stream: str) -> None:
        """Archives what is due; what goes wrong is said."""
        try:
            await self.archive(stream)
        except (Damaged, UnexplainedHole, BusDown, OSError, ValueError) as error:
            _log.error(
                "a day could not be archived; it is tried again", stream=stream, why=error, folder=self.shelf.folder
            )
        with contextlib.suppress(BusDown):
            await self._warn(stream)

    async def archive(self, stream: str) -> list[Day]:
        """Writes every closed day that is not there yet. Raises Damaged, UnexplainedHole, OSError, BusDown."""
        days = await own_days(self.bus, self.shelf, stream)
        written = await self._stretch(stream, days[-1].last if days else 0, _following(days))
        for place, following in enumerate(days):
            before = days[max(0, place - 1) : place]
            after = before[0].last if before else 0
            if following.after > after:
                written += await self._gap(stream, before, after, following)
        return written

    async def _gap(self, stream: str, before: list[Day], after: int, following: Day) -> list[Day]:
        """Writes what an archive lacks in its midst, where the stream still has it, and says where it has not."""
        written = await self._stretch(stream, after, _following(before), following)
        first = written[-1].last + 1 if written else after + 1
        if first <= following.after < (await self.bus.extent(stream)).first:
            _log.error(
                "a part of the archive is gone, and the stream does not have it any more",
                stream=stream, first=first, last=following.after, folder=self.shelf.folder,
            )  # fmt: skip
        return written

    async def _stretch(self, stream: str, after: int, least: date, following: Day | None = None) -> list[Day]:
        """Writes the closed days from `least` on, of the places behind `after`: those before an archived day that
        follows, or to the end of what is closed.
        """
        work = _Stretch(self, stream, after, least, following and following.day - timedelta(days=1))
        try:
            async with aclosing(self.bus.tail(stream, self.filters[stream], after, follow=False)) as messages:
                async for message in messages:
                    if isinstance(message, CaughtUp) or (following and message.seq > following.after):
                        break
                    if not await work.take(message):
                        break
            await work.end_day()
            return work.written
        finally:
            work.abandon()

    async def _warn(self, stream: str) -> None:
        """Says when the stream is about to drop what is not in the archive."""
        try:
            days = self.shelf.days(stream)
        except (Damaged, OSError):
            days = []
        extent = await self.bus.extent(stream)
        first = max(days[-1].last + 1 if days else 1, extent.first)
        oldest = await self.bus.get(stream, first) if first <= extent.last else None
        if oldest is not None and in_danger(oldest.time, self.now(), KEPT_DAYS[stream]):
            _log.error(
                "the stream drops days soon that are not archived", stream=stream, oldest=oldest.time.isoformat(),
                kept_days=KEPT_DAYS[stream], folder=self.shelf.folder,
            )  # fmt: skip


class _Stretch:
    """One reading of a stream: a day's writer at a time, a row group of messages in memory."""

    def __init__(self, archivist: Archivist, stream: str, after: int, least: date, most: date | None) -> None:
        self.written: list[Day] = []
        self._archivist, self._stream = archivist, stream
        self._place, self._least, self._most = after, least, most or date.max
        self._after, self._lost = after, 0
        self._writer: DayWriter | None = None
        self._group: list[Stored] = []
        self._bytes = 0
        self._began = time.monotonic()

    async def take(self, message: Stored) -> bool:
        """False where the message's day is not over: then it is not taken."""
        day = min(day_of(message, self._least), self._most)
        if day > self._least or self._writer is None:
            if not is_closed(day, self._archivist.now()):
                return False
            await self.end_day()
            self._least = day
        await self._explain(message)
        if self._writer is None:
            self._writer = DayWriter(self._archivist.shelf, self._stream, day, after=self._after, lost=self._lost)
        self._place = message.seq
        self._group.append(message)
        self._bytes += len(message.data)
        if len(self._group) >= GROUP_MESSAGES or self._bytes >= GROUP_BYTES:
            await self._write()
        return True

    async def end_day(self) -> None:
        if self._writer is None:
            return
        await self._write()
        day = await in_thread(self._writer.finish)
        self._writer = None
        self.written.append(day)
        self._after, self._lost, self._least = day.last, 0, day.day + timedelta(days=1)
        _log.info("archived", stream=day.stream, day=day.day.isoformat(), messages=day.messages, bytes=day.file_bytes)

    def abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()

    async def _write(self) -> None:
        assert self._writer is not None
        if self._group:
            await in_thread(self._writer.write, self._group)
            self._group, self._bytes = [], 0
            await asyncio.sleep((time.monotonic() - self._began) * self._archivist.rest)
            self._began = time.monotonic()

    async def _explain(self, message: Stored) -> None:
        """Counts what the stream dropped before it was archived, and says so. Raises UnexplainedHole."""
        if message.seq == self._place + 1:
            return
        await explain_hole(self._archivist.bus, self._stream, self._place + 1, message.seq)
        gone = min((await self._archivist.bus.extent(self._stream)).first, message.seq) - self._place - 1
        if gone > 0:
            self._lost += gone
            _log.error(
                "the stream dropped messages before they were archived; they are lost",
                stream=self._stream, first=self._place + 1, messages=gone,
            )  # fmt: skip


def _following(days: Sequence[Day]) -> date:
    """The first day that a message behind these days may belong to."""
    return days[-1].day + timedelta(days=1) if days else FIRST_DAY
