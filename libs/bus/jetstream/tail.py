"""Reading along without a gap: a short-lived consumer that acknowledges nothing, and the reader's own place.

The server numbers what it sends to a consumer (`consumer_seq`), so a message that was lost on the way shows at the next
one or at the next heartbeat. On that, and on any other doubt, a new consumer starts behind the last message in hand.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime

from nats.aio.msg import Msg

from libs.bus.jetstream import api
from libs.bus.jetstream.connection import RETRY_PAUSE_SECONDS, Connection
from libs.bus.jetstream.pull import SILENCE_SECONDS, Pull, place_of
from libs.bus.port import BusDown, CaughtUp, Stored
from libs.telemetry import log

WINDOW_MESSAGES = 1000
WINDOW_BYTES = 16 * 1024 * 1024
"""In hand unread: as many messages as fill this, going by the size of those that came."""
LEAST_WINDOW_MESSAGES = 16
FORGET_SECONDS = 60.0
"""The server drops a consumer that nobody pulled from for this long; a slow reader then starts a new one."""
MESSAGE_BYTES = 1000
"""What a message takes beside its body, about: headers, subject, objects."""
MEAN_OVER_MESSAGES = 64
"""The mean size follows the last so many messages."""


async def tail(
    connection: Connection,
    stream: str,
    filters: tuple[str, ...],
    after: int,
    *,
    follow: bool,
    latest: bool = False,
) -> AsyncGenerator[Stored | CaughtUp]:
    """See the port (`latest`: for `after` 0). Waits out any outage; raises BusDown where the connection has ended for
    good.
    """
    goal = await last_place(connection, stream)
    reader = _Reader(connection, stream, filters, after, latest=latest)
    caught_up = False
    try:
        while True:
            stored = reader.at_hand() or await reader.next(wait=caught_up)
            if not caught_up and (stored is None or stored.seq > goal):
                caught_up = True
                yield CaughtUp(goal)
                if not follow:
                    return
            if stored is not None:
                yield stored
    finally:
        await reader.close()


async def last_place(connection: Connection, stream: str) -> int:
    info = await api.call(connection, f"STREAM.INFO.{stream}", {}, api.StreamInfo)
    return info.state.last_seq


class _Reader:
    """Hands out one message after another; makes a new consumer whenever it is in doubt."""

    def __init__(
        self, connection: Connection, stream: str, filters: tuple[str, ...], after: int, *, latest: bool
    ) -> None:
        self._connection, self._stream, self._filters = connection, stream, filters
        self._place, self._latest = after, latest
        self._buffer: deque[Stored] = deque()
        self._changed = asyncio.Event()
        self._pull: Pull | None = None
        self._name = ""
        self._consumer_seq: int = 0
        self._pending: int = -1
        self._mean_bytes = 0.0

    def at_hand(self) -> Stored | None:
        """The next message where nothing has to be asked for or waited for: the usual case, and quick."""
        if self._buffer and self._pull is not None and not self._pull.hungry:
            return self._buffer.popleft()
        return None

    async def next(self, *, wait: bool) -> Stored | None:
        """The next message. Without `wait`, None where the server has no more just now."""
        while not self._buffer:
            if self._pull is None or self._pull.doubtful:
                await self._renew()
            elif self._pending == 0 and not wait:
                return None
            else:
                await self._listen(self._pull)
        stored = self._buffer.popleft()
        if self._pull is not None:
            await self._pull.ask()
        return stored

    async def close(self) -> None:
        """The server would forget the consumer anyway; telling it is a courtesy."""
        pull, self._pull = self._pull, None
        if pull is None:
            return
        await pull.close(drain=False)
        try:
            await self._connection.send(f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._name}", b"")
        except BusDown:
            return

    async def _listen(self, pull: Pull) -> None:
        """Waits for something to happen, and doubts where nothing does."""
        self._changed.clear()
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            pull.check()
        self._connection.raise_if_ended()
        if pull.heard_consumer_seq > self._consumer_seq:
            pull.doubtful = True
        elif pull.heard_consumer_seq == self._consumer_seq and not self._buffer:
            self._pending = 0

    async def _renew(self) -> None:
        """A new consumer, behind the last message in hand."""
        await self.close()
        while not await self._create():
            await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def _create(self) -> bool:
        self._name = f"tail-{secrets.token_hex(8)}"
        self._consumer_seq, self._pending = 0, -1
        request: api.Request = {"stream_name": self._stream, "action": "create", "config": self._config()}
        try:
            info = await api.call(
                self._connection, f"CONSUMER.CREATE.{self._stream}.{self._name}", request, api.ConsumerInfo
            )
        except api.Refused as error:
            if error.code in api.UNAVAILABLE:
                return False
            raise
        except BusDown as error:
            self._connection.raise_if_ended()
            log.get("bus").warning("the tail waits for the bus", stream=self._stream, why=error)
            return False
        self._pending = info.num_pending
        self._pull = Pull(
            self._connection, f"{self._stream}.{self._name}", self._received, self._room, self._changed.set
        )
        await self._pull.start()
        return True

    def _config(self) -> dict[str, api.Json]:
        """Behind a place that was reached, what comes is read message by message, also where the latest were wanted."""
        begin: dict[str, api.Json] = {"deliver_policy": "by_start_sequence", "opt_start_seq": self._place + 1}
        if self._latest and not self._place:
            begin = {"deliver_policy": "last_per_subject"}
        return {
            "name": self._name,
            **begin,
            "ack_policy": "none",
            "filter_subjects": list(self._filters),
            "inactive_threshold": int(FORGET_SECONDS * api.NANOSECONDS),
            "mem_storage": True,
            "num_replicas": 1,
        }

    def _room(self) -> int:
        window = int(WINDOW_BYTES / self._mean_bytes) if self._mean_bytes else 0
        return min(max(window, LEAST_WINDOW_MESSAGES), WINDOW_MESSAGES) - len(self._buffer)

    def _received(self, message: Msg) -> None:
        pull = self._pull
        if pull is None or pull.doubtful:
            return
        place = place_of(message.reply)
        if place.consumer_seq != self._consumer_seq + 1:
            pull.doubtful = True
        else:
            self._consumer_seq, self._place, self._pending = place.consumer_seq, place.stream_seq, place.pending
            size = len(message.data) + MESSAGE_BYTES
            self._mean_bytes += (size - self._mean_bytes) / (MEAN_OVER_MESSAGES if self._mean_bytes else 1)
            self._buffer.append(stored_of(message, place.stream_seq, place.time_ns))
        self._changed.set()


def stored_of(message: Msg, seq: int, time_ns: int) -> Stored:
    headers: Mapping[str, str] = message.headers or {}
    return Stored(seq, message.subject, message.data, datetime.fromtimestamp(time_ns / 1e9, UTC), headers)
