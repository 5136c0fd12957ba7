"""Streams and buckets in memory, which a server that starts again does not have: made anew on each reconnect.

What was in them is gone, and that is allowed for where they are declared. That they are gone must stop nobody: each
process that has prepared the bus makes them again, and making one that is there changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from libs.bus.jetstream.connection import RETRY_PAUSE_SECONDS, Connection
from libs.bus.jetstream.provision import provision
from libs.bus.port import BusDown
from libs.bus.streams import BucketSpec, StreamSpec
from libs.telemetry import log


class Volatile:
    """`remember` once they are made; `close` ends it."""

    def __init__(self, connection: Connection, replicas: int) -> None:
        self._connection, self._replicas = connection, replicas
        self._streams: tuple[StreamSpec, ...] = ()
        self._buckets: tuple[BucketSpec, ...] = ()
        self._making: asyncio.Task[None] | None = None
        self._unwatch: Callable[[], None] | None = None

    def remember(self, streams: tuple[StreamSpec, ...], buckets: tuple[BucketSpec, ...]) -> None:
        self._streams = tuple(spec for spec in streams if spec.storage == "memory")
        self._buckets = tuple(spec for spec in buckets if spec.storage == "memory")
        if self._unwatch is None:
            self._unwatch = self._connection.watch(self._reconnected)

    async def close(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    def _reconnected(self) -> None:
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make())

    async def _make(self) -> None:
        """Until they are there, over whatever reconnects it takes, or the connection has ended for good."""
        while True:
            generation = self._connection.generation
            try:
                self._connection.raise_if_ended()
            except BusDown:
                return
            try:
                await provision(self._connection, self._streams, self._buckets, self._replicas)
            except (BusDown, TimeoutError) as error:
                log.get("bus").warning("what is kept in memory is not made again yet", why=error)
                await asyncio.sleep(RETRY_PAUSE_SECONDS)
                continue
            if generation == self._connection.generation:
                return
