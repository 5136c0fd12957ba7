"""Between the readers and the writer: one batch fills while the one before it is written. Bounded.

Single-threaded: readers and writer share an event loop; the writing itself is in a thread and does not touch this.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from libs.bus.port import Stored
from services.learner.folding.fold import Folded
from services.learner.store.batch import Batch

LIVE_EVENTS = 1_000
LIVE_SECONDS = 0.25
"""A commit costs an fsync of some 5 ms: four a second are 2 % of a disk, and nobody waits longer for a fact."""
REPLAY_EVENTS = 100_000
REPLAY_SECONDS = 2.0
"""While catching up the rate counts, and DuckDB takes large batches five times as fast as small ones."""


class Hopper:
    def __init__(self, streams: Iterable[str], now: Callable[[], float]) -> None:
        self._behind, self._now = set(streams), now
        self._batch = Batch()
        self._since = 0.0
        self._changed, self._emptied = asyncio.Event(), asyncio.Event()

    @property
    def live(self) -> bool:
        """Every stream has been read to its end once."""
        return not self._behind

    @property
    def full(self) -> bool:
        return self._batch.full(LIVE_EVENTS if self.live else REPLAY_EVENTS)

    def caught_up(self, stream: str) -> None:
        self._behind.discard(stream)
        self._changed.set()

    def add(self, stream: str, stored: Stored, folded: Folded) -> bool:
        """Whether there is no room for more, for now."""
        if not self._batch.events:
            self._since = self._now()
            self._changed.set()
        self._batch.add(stream, stored, folded)
        if self.full:
            self._changed.set()
            return True
        return False

    async def room(self) -> None:
        """Waits until the batch has been taken."""
        self._emptied.clear()
        await self._emptied.wait()

    async def take(self, patience_seconds: float | None) -> Batch | None:
        """The next batch when it is full or old enough; None after `patience_seconds` without one in sight, or when
        the streams have just been read to their ends."""
        give_up = None if patience_seconds is None else self._now() + patience_seconds
        was_live = self.live
        while not self._batch.events or self._due_in() > 0:
            if not self._batch.events and self.live != was_live:
                return None
            wait = self._due_in() if self._batch.events else give_up and give_up - self._now()
            if wait is not None and wait <= 0:
                return None
            await self._woken(wait)
        return self.drain()

    def drain(self) -> Batch:
        """What there is, at once."""
        batch, self._batch = self._batch, Batch()
        self._emptied.set()
        return batch

    async def _woken(self, seconds: float | None) -> None:
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _due_in(self) -> float:
        """Seconds until the batch that is there is to be written."""
        if self.full:
            return 0.0
        return self._since + (LIVE_SECONDS if self.live else REPLAY_SECONDS) - self._now()
