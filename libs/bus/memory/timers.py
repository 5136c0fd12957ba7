"""Timers in memory: the event loop's own, one a key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

LONGEST_WAIT_SECONDS = 24 * 3600.0
"""The event loop takes no timer of years; a later one is looked at again once a day."""


class MemoryTimers:
    def __init__(self, fire: Callable[[str, bytes], None]) -> None:
        self._fire = fire
        self._armed: dict[str, asyncio.TimerHandle] = {}

    def arm(self, key: str, at: datetime, data: bytes) -> None:
        self.disarm(key)
        wait_seconds = (at - datetime.now(UTC)).total_seconds()
        loop = asyncio.get_running_loop()
        if wait_seconds > LONGEST_WAIT_SECONDS:
            self._armed[key] = loop.call_later(LONGEST_WAIT_SECONDS, self.arm, key, at, data)
        else:
            self._armed[key] = loop.call_later(max(wait_seconds, 0.0), self._due, key, data)

    def disarm(self, key: str) -> None:
        timer = self._armed.pop(key, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        for key in list(self._armed):
            self.disarm(key)

    def _due(self, key: str, data: bytes) -> None:
        del self._armed[key]
        self._fire(f"timer.due.{key}", data)
