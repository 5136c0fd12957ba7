"""Who waits for what to change: a page that is open in a browser waits for its run, a log for its attempt.

Only says that something changed; what, the waiter reads from the projection. So a change that comes while nobody waits
costs nothing, and a hundred changes that come at once are one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable
from contextlib import contextmanager


class Watch:
    """Registered before the first reading, so that no change falls between reading and waiting."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def changed(self) -> None:
        """Returns at once where something changed since the last call."""
        await self._event.wait()
        self._event.clear()

    def wake(self) -> None:
        self._event.set()


class Hub:
    """For one event loop. `closed`: the process ends, and whoever follows something lets go."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self.closed = False

    @property
    def waiting(self) -> int:
        """How many topics somebody waits for."""
        return len(self._watches)

    @contextmanager
    def watch(self, topic: str) -> Generator[Watch]:
        """`topic` is a run's id or a subject."""
        watch = Watch()
        self._watches.setdefault(topic, set()).add(watch)
        try:
            yield watch
        finally:
            watches = self._watches[topic]
            watches.discard(watch)
            if not watches:
                del self._watches[topic]

    def tell(self, topics: Iterable[str]) -> None:
        for topic in topics:
            for watch in self._watches.get(topic, ()):
                watch.wake()

    def tell_all(self) -> None:
        """Anything may have changed."""
        self.tell(list(self._watches))

    def close(self) -> None:
        self.closed = True
        self.tell_all()
