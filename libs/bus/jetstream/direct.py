"""Reading by place and by subject: direct gets, which leave nothing on the server.

A batch is complete or it is read again from the last place that is in hand: each message names the one before it, so
that one which was lost on the way shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import msgspec
from nats.aio.msg import Msg

from libs.bus.jetstream.api import Request
from libs.bus.jetstream.connection import REQUEST_SECONDS, RETRY_PAUSE_SECONDS, Connection
from libs.bus.port import BusDown, Stored
from libs.contracts.subjects import stream_of

BATCH_MESSAGES = 1000
BATCH_BYTES = 8 * 1024 * 1024
"""Of one request: below what a subscription may leave unread, and a server block is as large."""
MOST_EMPTY_BATCHES = 20
"""Batches that bring nothing although more is there: the connection broke, or there is no leader. A second of it."""
_OWN_HEADERS = frozenset(
    {
        "Nats-Stream",
        "Nats-Subject",
        "Nats-Sequence",
        "Nats-Time-Stamp",
        "Nats-Num-Pending",
        "Nats-Last-Sequence",
        "Nats-UpTo-Sequence",
    }
)


async def last(connection: Connection, stream: str, subject: str) -> Stored | None:
    """The last message on an exact subject."""
    return await _one(connection, stream, {"last_by_subj": subject})


async def by_place(connection: Connection, stream: str, seq: int) -> Stored | None:
    return await _one(connection, stream, {"seq": seq}) if seq > 0 else None


async def load(connection: Connection, subject: str, after: int) -> list[Stored]:
    """Everything on a subject or filter behind `after`. Raises BusDown where it cannot be had completely."""
    found: list[Stored] = []
    stream, place, failures = stream_of(subject), after, 0
    while True:
        batch = _Batch()
        complete = await batch.read(connection, stream, subject, place)
        found += batch.messages
        place = batch.messages[-1].seq if batch.messages else place
        if complete and batch.pending == 0:
            return found
        failures = 0 if batch.messages else failures + 1
        if failures > MOST_EMPTY_BATCHES:
            raise BusDown(f"{subject}: the bus does not hand out what is behind {place}")
        if failures:
            await asyncio.sleep(RETRY_PAUSE_SECONDS)


class _Batch:
    """One request for the next messages, and what came of it. `pending`: how many are behind the last one."""

    def __init__(self) -> None:
        self.messages: list[Stored] = []
        self.pending = -1
        self._complete = False
        self._changed = asyncio.Event()
        self._over = False

    async def read(self, connection: Connection, stream: str, subject: str, after: int) -> bool:
        """True where the answer came to its end; what came is in `messages`, without a gap either way."""
        request: Request = {
            "seq": after + 1,
            "next_by_subj": subject,
            "batch": BATCH_MESSAGES,
            "max_bytes": BATCH_BYTES,
        }
        reply, give_up = connection.collect(self._received)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await connection.connected()
                if not await connection.send(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(request), None, reply):
                    return False
            return await self._wait(subject)
        except TimeoutError:
            connection.raise_if_ended()
            raise BusDown(f"{subject}: the bus did not answer for {REQUEST_SECONDS:g} s") from None
        finally:
            give_up()

    async def _wait(self, subject: str) -> bool:
        """The deadline is for silence, not for the whole: a long answer may take long."""
        while not self._over:
            self._changed.clear()
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._changed.wait()
        return self._complete

    def _received(self, message: Msg | None) -> None:
        if self._over:
            return
        if message is None:
            self._over = True
        elif message.headers is not None and "Nats-Sequence" in message.headers:
            self._add(message.headers, message.data)
        else:
            self._end(message.headers or {})
        self._changed.set()

    def _add(self, headers: Mapping[str, str], data: bytes) -> None:
        if headers.get("Nats-Last-Sequence") != self._last():
            self._over = True
            return
        self.pending = int(headers["Nats-Num-Pending"])
        self.messages.append(_stored(headers, data))

    def _end(self, headers: Mapping[str, str]) -> None:
        """204 is the end of the batch, 404 says that there is nothing, anything else is no answer."""
        self._over = True
        status = headers.get("Status")
        if status == "404":
            self.pending, self._complete = 0, True
        elif status == "204":
            self._complete = headers.get("Nats-Last-Sequence") == self._last()

    def _last(self) -> str:
        return str(self.messages[-1].seq) if self.messages else "0"


async def _one(connection: Connection, stream: str, request: Request) -> Stored | None:
    answer = await connection.request(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(request))
    headers = answer.headers or {}
    if "Nats-Sequence" in headers:
        return _stored(headers, answer.data)
    if headers.get("Status") == "404":
        return None
    raise BusDown(f"{stream}: {headers.get('Status')} {headers.get('Description')}")


def _stored(headers: Mapping[str, str], data: bytes) -> Stored:
    own = {name: value for name, value in headers.items() if name not in _OWN_HEADERS}
    time = datetime.fromisoformat(headers["Nats-Time-Stamp"])
    return Stored(int(headers["Nats-Sequence"]), headers["Nats-Subject"], data, time, own)
