"""The port in memory. It enforces the real bus's rules: conditions, sizes, one consumer a filter of a work queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from datetime import datetime

import msgspec

from libs.bus import dead_letters
from libs.bus.matching import Matcher, overlap
from libs.bus.memory.broadcast import Broadcast
from libs.bus.memory.consumer import Ledger, Workers
from libs.bus.memory.key_value import MemoryKeyValue
from libs.bus.memory.stream import MemoryStream
from libs.bus.memory.timers import MemoryTimers
from libs.bus.port import CaughtUp, Conflict, Consumer, Extent, Handler, Stored
from libs.bus.streams import BUCKETS, BucketSpec, StreamSpec, is_queue, table
from libs.contracts.envelope import Commit, decode_commit, encode
from libs.contracts.subjects import DEAD, TIMERS, stream_of
from libs.telemetry import trace

BREATH_MESSAGES = 64
"""After so many messages read without a pause the other tasks of the loop get their turn."""


class MemoryBus:
    """Every stream of the table is there from the start. For one event loop."""

    def __init__(self) -> None:
        self._streams = {spec.name: MemoryStream(spec) for spec in table()}
        self._buckets = {spec.name: MemoryKeyValue() for spec in BUCKETS}
        self._ledgers: dict[tuple[str, str], Ledger] = {}
        self._put: dict[tuple[str, str], float] = {}
        self._broadcast = Broadcast()
        self._timers = MemoryTimers(self._fire)

    async def prepare(self, streams: tuple[StreamSpec, ...], buckets: tuple[BucketSpec, ...]) -> None:
        """They are there already."""

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        stream = self._of(commit.subject)
        last = stream.last(commit.subject)
        if last is not None and _is_of(last, commit):
            return last.seq
        place = 0 if last is None else last.seq
        if expected is not None and expected != place:
            raise Conflict(commit.subject, expected, place)
        return stream.add(commit.subject, encode(commit), _headers())

    async def load(self, subject: str, after: int = 0) -> list[Stored]:
        return self._of(subject).load(subject, after)

    async def last(self, subject: str) -> Stored | None:
        return self._of(subject).last(subject)

    async def get(self, stream: str, seq: int) -> Stored | None:
        return self._streams[stream].get(seq)

    async def extent(self, stream: str) -> Extent:
        held = self._streams[stream]
        return Extent(held.first_seq, held.last_seq, held.created)

    def tail(
        self, stream: str, filters: tuple[str, ...], after: int, *, follow: bool = True
    ) -> AsyncGenerator[Stored | CaughtUp]:
        if is_queue(stream):
            raise ValueError(f"{stream} is a work queue: it is consumed, or loaded, not tailed")
        return _tail(self._streams[stream], filters, after, follow=follow)

    def latest(self, stream: str, filters: tuple[str, ...]) -> AsyncGenerator[Stored | CaughtUp]:
        if is_queue(stream):
            raise ValueError(f"{stream} is a work queue: it is consumed, or loaded, not tailed")
        return _tail(self._streams[stream], filters, 0, follow=True, latest=True)

    async def consume(self, consumer: Consumer, handler: Handler) -> None:
        await Workers(self._ledger(consumer), consumer, handler, self._bury).run()

    async def enqueue(self, subject: str, data: bytes, *, message_id: str) -> None:
        stream = self._of(subject)
        now = time.monotonic()
        name = (stream.spec.name, message_id)
        if name in self._put and now - self._put[name] < stream.spec.duplicate_window_seconds:
            return
        stream.add(subject, data, _headers())
        self._put[name] = now
        self._forget(now)

    async def publish(self, subject: str, data: bytes) -> None:
        self._broadcast.publish(subject, data)

    def subscribe(self, subject: str) -> AsyncGenerator[tuple[str, bytes]]:
        return self._broadcast.subscribe(subject)

    async def stream_log(self, subject: str, data: bytes) -> None:
        self._of(subject).add(subject, data, {})

    async def flush_logs(self) -> None:
        """Nothing is ever under way."""

    def key_value(self, bucket: str) -> MemoryKeyValue:
        return self._buckets[bucket]

    async def arm(self, key: str, at: datetime, data: bytes) -> None:
        self._timers.arm(key, at, data)

    async def disarm(self, key: str) -> None:
        self._timers.disarm(key)

    async def round_trip(self) -> None:
        """Always alive."""

    async def close(self) -> None:
        self._timers.close()

    def _of(self, subject: str) -> MemoryStream:
        return self._streams[stream_of(subject)]

    def _ledger(self, consumer: Consumer) -> Ledger:
        name = (consumer.stream, consumer.name)
        if name not in self._ledgers:
            self._admit(consumer)
            self._ledgers[name] = Ledger(self._streams[consumer.stream], consumer)
        return self._ledgers[name]

    def _admit(self, consumer: Consumer) -> None:
        """The server's rules for a work queue."""
        if not self._streams[consumer.stream].spec.queue:
            return
        if consumer.from_now:
            raise ValueError(f"{consumer.name}: a consumer of the work queue {consumer.stream} takes all that is in it")
        for other in self._ledgers.values():
            if other.consumer.stream != consumer.stream:
                continue
            if any(overlap(mine, theirs) for mine in consumer.filters for theirs in other.consumer.filters):
                raise ValueError(f"{consumer.name} overlaps {other.consumer.name} on the work queue {consumer.stream}")

    def _bury(self, stored: Stored, consumer: Consumer, reason: str, attempt: int) -> None:
        headers = dead_letters.headers(
            stored, stream=consumer.stream, consumer=consumer.name, reason=reason, attempt=attempt
        )
        self._streams[DEAD].add(dead_letters.address(consumer.stream, consumer.name), stored.data, headers)

    def _fire(self, subject: str, data: bytes) -> None:
        self._streams[TIMERS].add(subject, data, {})

    def _forget(self, now: float) -> None:
        """The oldest ids are first, since a dict keeps its order."""
        for name in list(self._put):
            if now - self._put[name] < self._streams[name[0]].spec.duplicate_window_seconds:
                return
            del self._put[name]


async def _tail(
    held: MemoryStream, filters: tuple[str, ...], after: int, *, follow: bool, latest: bool = False
) -> AsyncGenerator[Stored | CaughtUp]:
    wanted = Matcher(filters)
    place, goal = after, held.last_seq
    caught_up = False
    while True:
        for stored in held.behind(place):
            if stored.seq > goal and not caught_up:
                break
            place = stored.seq
            if wanted(stored.subject) and not (latest and not caught_up and _is_followed(held, stored)):
                yield stored
            if place % BREATH_MESSAGES == 0:
                await asyncio.sleep(0)
        if not caught_up:
            caught_up, place = True, max(place, goal)
            yield CaughtUp(goal)
            if not follow:
                return
        elif place < held.last_seq:
            place = held.last_seq
        else:
            await held.changed()


def _is_followed(held: MemoryStream, stored: Stored) -> bool:
    last = held.last(stored.subject)
    return last is not None and last.seq > stored.seq


def _headers() -> dict[str, str]:
    return {trace.HEADER: trace.current()}


def _is_of(stored: Stored, commit: Commit) -> bool:
    try:
        return decode_commit(stored.data).id == commit.id
    except msgspec.DecodeError:
        return False
