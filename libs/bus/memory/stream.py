"""A stream in memory: messages by their place, an index by subject, and whoever waits for more. Knows no consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from libs.bus.matching import Matcher, is_exact
from libs.bus.port import Stored, TooLarge
from libs.bus.streams import MIB, StreamSpec


class MemoryStream:
    """`last_seq` only grows; `first_seq` is where the oldest message that is still there may be."""

    def __init__(self, spec: StreamSpec) -> None:
        self.spec = spec
        self.created = datetime.now(UTC)
        self.last_seq = 0
        self.first_seq = 1
        self._messages: dict[int, Stored] = {}
        self._places: dict[str, deque[int]] = {}
        self._bytes = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def add(self, subject: str, data: bytes, headers: Mapping[str, str]) -> int:
        """Stores; the place. Raises TooLarge."""
        if len(data) > self.spec.max_message_bytes:
            raise TooLarge(f"{subject}: {len(data)} bytes, {self.spec.name} takes {self.spec.max_message_bytes}")
        self.last_seq += 1
        stored = Stored(self.last_seq, subject, data, datetime.now(UTC), headers)
        self._messages[stored.seq] = stored
        self._places.setdefault(subject, deque()).append(stored.seq)
        self._bytes += len(data)
        self._keep_bounds(subject)
        self.wake()
        return stored.seq

    def get(self, seq: int) -> Stored | None:
        return self._messages.get(seq)

    def last(self, subject: str) -> Stored | None:
        places = self._places.get(subject)
        return self._messages[places[-1]] if places else None

    def load(self, subject: str, after: int) -> list[Stored]:
        """Every message behind `after`; wildcards are allowed."""
        found = self._places.get(subject, ()) if is_exact(subject) else self._matching(subject)
        return [self._messages[seq] for seq in found if seq > after]

    def behind(self, place: int) -> Iterator[Stored]:
        """Walks to the end that there is when it gets there; messages may be removed and added meanwhile."""
        place = max(place, self.first_seq - 1)
        while place < self.last_seq:
            place += 1
            stored = self._messages.get(place)
            if stored is not None:
                yield stored

    def remove(self, seq: int) -> None:
        stored = self._messages.pop(seq, None)
        if stored is None:
            return
        self._bytes -= len(stored.data)
        places = self._places[stored.subject]
        places.remove(seq)
        if not places:
            del self._places[stored.subject]
        while self.first_seq <= self.last_seq and self.first_seq not in self._messages:
            self.first_seq += 1

    def remove_subject(self, subject: str) -> None:
        for seq in list(self._places.get(subject, ())):
            self.remove(seq)

    def wake(self) -> None:
        """Everybody who waits looks again."""
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def changed(self, timeout_seconds: float | None = None) -> None:
        """Returns after the next `wake`, or after the time is over."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.add(future)
        timer = None if timeout_seconds is None else loop.call_later(timeout_seconds, _finish, future)
        try:
            await future
        finally:
            self._waiting.discard(future)
            if timer is not None:
                timer.cancel()

    def _keep_bounds(self, subject: str) -> None:
        places = self._places[subject]
        while self.spec.max_per_subject and len(places) > self.spec.max_per_subject:
            self.remove(places[0])
        while self.spec.discard_old and self._bytes > self.spec.max_mib * MIB:
            self.remove(self.first_seq)

    def _matching(self, pattern: str) -> list[int]:
        wanted = Matcher((pattern,))
        return sorted(seq for subject, places in self._places.items() if wanted(subject) for seq in places)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
