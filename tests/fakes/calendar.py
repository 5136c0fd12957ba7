"""A bus in memory whose clock the test sets, and whose streams lose what the test says: months pass in no time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from msgspec.structs import replace

from libs.bus.memory import MemoryBus
from libs.bus.port import CaughtUp, Stored
from libs.contracts.envelope import Commit
from libs.contracts.subjects import stream_of


class CalendarBus(MemoryBus):
    """What is appended was stored at `now`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 1, 12, tzinfo=UTC)
        self._times: dict[tuple[str, int], datetime] = {}

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        seq = await super().append(commit, expected=expected)
        self._times.setdefault((stream_of(commit.subject), seq), self.now)
        return seq

    async def get(self, stream: str, seq: int) -> Stored | None:
        stored = await super().get(stream, seq)
        return None if stored is None else self._timed(stream, stored)

    async def tail(
        self, stream: str, filters: tuple[str, ...], after: int, *, follow: bool = True
    ) -> AsyncGenerator[Stored | CaughtUp]:
        async for message in super().tail(stream, filters, after, follow=follow):
            yield self._timed(stream, message) if isinstance(message, Stored) else message

    def forget(self, stream: str, *places: int) -> None:
        """As if they had been erased, or had aged out."""
        for place in places:
            self._streams[stream].remove(place)

    def put_back(self, stream: str, messages: list[Stored]) -> None:
        """From a copy: onto the same places, at the times that they had."""
        for stored in messages:
            self._times[stream, self._streams[stream].add(stored.subject, stored.data, stored.headers)] = stored.time

    def _timed(self, stream: str, stored: Stored) -> Stored:
        return replace(stored, time=self._times[stream, stored.seq])
