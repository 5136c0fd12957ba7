"""One report at a time for each run, for however many events: a call returns after a pass that began after it.

Any number of events of one run that come while a pass is under way are answered by the one pass that follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Desk(Generic[Key]):
    """`work` does one pass; it answers in how many seconds another should follow by itself, None where none need."""

    def __init__(self, work: Callable[[Key], Awaitable[float | None]]) -> None:
        self._work = work
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._next: dict[Key, asyncio.Task[None]] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    async def attend(self, key: Key) -> None:
        """Raises what the pass raised, to all that waited for it."""
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._pass(key))
        await asyncio.shield(task)

    def _later(self, key: Key, seconds: float) -> None:
        """A pass that nobody waits for; lost if the process ends."""
        if key not in self._timers:
            self._timers[key] = asyncio.get_running_loop().call_later(seconds, self._due, key)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._pass(key))
            self._next[key].add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _pass(self, key: Key) -> None:
        before = self._running.get(key)
        if before is not None:
            await asyncio.wait([before])
        task = self._running[key] = self._next.pop(key)
        try:
            again_seconds = await self._work(key)
        finally:
            if self._running.get(key) is task:
                del self._running[key]
        if again_seconds is not None:
            self._later(key, again_seconds)

    async def close(self) -> None:
        """Ends what is under way; what it had posted and not written down is found again by looking."""
        for timer in self._timers.values():
            timer.cancel()
        tasks = {*self._running.values(), *self._next.values()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
