"""Core publish and subscribe in memory: whoever listens now hears it, and a slow listener loses the newest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from libs.bus.matching import Matcher

QUEUED_MESSAGES = 1024
"""What one slow listener may leave unread: minutes of a hundred hosts' heartbeats."""


class Broadcast:
    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[tuple[str, bytes]], Matcher] = {}

    def publish(self, subject: str, data: bytes) -> None:
        for queue, wanted in self._listeners.items():
            if wanted(subject) and not queue.full():
                queue.put_nowait((subject, data))

    def subscribe(self, subject: str) -> AsyncGenerator[tuple[str, bytes]]:
        """Listens from this call on, not only from the first reading."""
        queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(QUEUED_MESSAGES)
        self._listeners[queue] = Matcher((subject,))
        return self._read(queue)

    async def _read(self, queue: asyncio.Queue[tuple[str, bytes]]) -> AsyncGenerator[tuple[str, bytes]]:
        try:
            while True:
                yield await queue.get()
        finally:
            del self._listeners[queue]
