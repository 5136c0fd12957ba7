"""Core NATS: whoever listens now hears it; a slow listener loses the newest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from nats.aio.msg import Msg
from nats.errors import Error

from libs.bus.jetstream.connection import Connection
from libs.bus.port import BusDown

QUEUED_MESSAGES = 1024
"""What one slow listener may leave unread: minutes of a hundred hosts' heartbeats."""


async def subscribe(connection: Connection, subject: str) -> AsyncGenerator[tuple[str, bytes]]:
    """Outlives reconnects. Raises BusDown when the connection has ended for good."""
    queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue(QUEUED_MESSAGES)

    async def received(message: Msg) -> None:
        if not queue.full():
            queue.put_nowait((message.subject, message.data))

    def changed() -> None:
        if not queue.full():
            queue.put_nowait(None)

    stop_watching = connection.watch(changed)
    subscription = await connection.listen(subject, received)
    try:
        while True:
            connection.raise_if_ended()
            heard = await queue.get()
            if heard is not None:
                yield heard
    finally:
        stop_watching()
        with contextlib.suppress(Error, BusDown, OSError):
            await subscription.unsubscribe()
