"""Log batches: many under way at once, stored without waiting for the disk, bounded.

A batch whose answer does not come, because the connection broke, is sent again; its id keeps it from being stored
twice. Logs are worth less than events: one that cannot be stored within the deadline is reported, not fatal.
"""

from __future__ import annotations

import asyncio

from libs.bus.jetstream import appending
from libs.bus.jetstream.connection import Connection
from libs.bus.port import BusDown, TooLarge
from libs.telemetry import log

UNDER_WAY = 64
"""Batches sent and not yet answered: at 64 KiB each, 4 MiB, and the round trips no longer matter."""


class LogWindow:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._free = asyncio.Semaphore(UNDER_WAY)
        self._under_way: set[asyncio.Task[None]] = set()
        self._sent = 0
        self._failure: BusDown | None = None

    async def send(self, subject: str, data: bytes) -> None:
        """Raises TooLarge. Waits while the window is full."""
        appending.check_size(subject, data)
        await self._free.acquire()
        self._sent += 1
        headers = {"Nats-Msg-Id": f"{self._connection.inbox}.{self._sent}"}
        task = asyncio.create_task(self._store(subject, data, headers))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def flush(self) -> None:
        """Raises BusDown where a batch since the last flush could not be stored."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    async def close(self) -> None:
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _store(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        try:
            await appending.publish(self._connection, subject, data, headers)
        except BusDown as error:
            self._failure = error
            log.get("bus").warning("a log batch was not stored", subject=subject, bytes=len(data), why=error)
        except TooLarge as error:
            log.get("bus").warning("a log batch was too large", subject=subject, bytes=len(data), why=error)
        finally:
            self._free.release()
