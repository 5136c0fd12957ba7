"""The port over NATS JetStream: each method in the module of its noun, all over one connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime

from libs.bus.jetstream import api, appending, broadcast, direct, tail, timers
from libs.bus.jetstream.connection import Connection
from libs.bus.jetstream.consumer import Consuming
from libs.bus.jetstream.key_value import JetStreamKeyValue
from libs.bus.jetstream.logs import LogWindow
from libs.bus.jetstream.provision import provision
from libs.bus.jetstream.volatile import Volatile
from libs.bus.port import CaughtUp, Consumer, Extent, Handler, Stored
from libs.bus.streams import BucketSpec, StreamSpec, is_queue
from libs.contracts.envelope import Commit
from libs.contracts.subjects import stream_of

CONNECT_SECONDS = 10.0


async def connect(
    url: str, *, name: str = "firebreak", wait_seconds: float = CONNECT_SECONDS, replicas: int = 1
) -> JetStreamBus:
    """A bus at `url` (`nats://[user:password@]host:port`, several with commas). `name` is what the server's monitoring
    shows, and the prefix `_INBOX_<name>` is what its user must be allowed to subscribe to. Raises BusDown.
    """
    connection = Connection(name)
    await connection.open(url, wait_seconds)
    return JetStreamBus(connection, replicas)


class JetStreamBus:
    """Made by `connect`."""

    def __init__(self, connection: Connection, replicas: int) -> None:
        self._connection, self._replicas = connection, replicas
        self._logs = LogWindow(connection)
        self._volatile = Volatile(connection, replicas)

    async def prepare(self, streams: tuple[StreamSpec, ...], buckets: tuple[BucketSpec, ...]) -> None:
        await provision(self._connection, streams, buckets, self._replicas)
        self._volatile.remember(streams, buckets)

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        return await appending.append(self._connection, commit, expected)

    async def load(self, subject: str, after: int = 0) -> list[Stored]:
        return await direct.load(self._connection, subject, after)

    async def last(self, subject: str) -> Stored | None:
        return await direct.last(self._connection, stream_of(subject), subject)

    async def get(self, stream: str, seq: int) -> Stored | None:
        return await direct.by_place(self._connection, stream, seq)

    async def extent(self, stream: str) -> Extent:
        return await api.extent(self._connection, stream)

    def tail(
        self, stream: str, filters: tuple[str, ...], after: int, *, follow: bool = True
    ) -> AsyncGenerator[Stored | CaughtUp]:
        if is_queue(stream):
            raise ValueError(f"{stream} is a work queue: it is consumed, or loaded, not tailed")
        return tail.tail(self._connection, stream, filters, after, follow=follow)

    def latest(self, stream: str, filters: tuple[str, ...]) -> AsyncGenerator[Stored | CaughtUp]:
        if is_queue(stream):
            raise ValueError(f"{stream} is a work queue: it is consumed, or loaded, not tailed")
        return tail.tail(self._connection, stream, filters, 0, follow=True, latest=True)

    async def consume(self, consumer: Consumer, handler: Handler) -> None:
        await Consuming(self._connection, consumer, handler).run()

    async def enqueue(self, subject: str, data: bytes, *, message_id: str) -> None:
        await appending.enqueue(self._connection, subject, data, message_id)

    async def publish(self, subject: str, data: bytes) -> None:
        """Nobody hears it while there is no connection: it is not kept until there is one."""
        await self._connection.send(subject, data)

    def subscribe(self, subject: str) -> AsyncGenerator[tuple[str, bytes]]:
        return broadcast.subscribe(self._connection, subject)

    async def stream_log(self, subject: str, data: bytes) -> None:
        await self._logs.send(subject, data)

    async def flush_logs(self) -> None:
        await self._logs.flush()

    def key_value(self, bucket: str) -> JetStreamKeyValue:
        return JetStreamKeyValue(self._connection, bucket)

    async def arm(self, key: str, at: datetime, data: bytes) -> None:
        await timers.arm(self._connection, key, at, data)

    async def disarm(self, key: str) -> None:
        await timers.disarm(self._connection, key)

    async def round_trip(self) -> None:
        await self._connection.ping()

    async def close(self) -> None:
        await self._volatile.close()
        await self._logs.close()
        await self._connection.close()
