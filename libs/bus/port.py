"""What the services know of the bus: append, load, tail, consume, queues, leases, timers. Nothing of NATS.

Two adapters pass one contract suite: `libs.bus.jetstream` and `libs.bus.memory`. Every stored message has a place
(`seq`) in its stream, from 1, without reuse.

Architecture invariants: an append is conditional; a handler's message is acknowledged after the handler returns and
never before; a reader that lost its place reads again rather than skip.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from libs.bus.streams import BucketSpec, StreamSpec
from libs.contracts.envelope import Commit


class Stored(msgspec.Struct, frozen=True):
    """A message as a stream holds it. `time` is the server's clock at storing, UTC."""

    seq: int
    subject: str
    data: bytes
    time: datetime
    headers: Mapping[str, str]


class CaughtUp(msgspec.Struct, frozen=True):
    """A tail has handed out everything that was stored when it asked; `seq` is the stream's last place then."""

    seq: int


class Extent(msgspec.Struct, frozen=True):
    """A stream's first and last place (`first` is `last + 1` where it is empty) and when it was made: its identity,
    since a stream that was deleted and made anew counts from 1 again."""

    first: int
    last: int
    created: datetime


class Conflict(Exception):
    """The subject moved on: its last message is at `last` (0 where there is none) and is not of the same commit id."""

    def __init__(self, subject: str, expected: int, last: int) -> None:
        super().__init__(f"{subject}: expected its last message at {expected}, it is at {last}")
        self.subject, self.expected, self.last = subject, expected, last


class BusDown(Exception):
    """No answer from the bus within its deadline. Whether a write was stored is unknown: append it again."""


class TooLarge(Exception):
    """The message is over the stream's limit; what is that large belongs into a blob."""


class Poison(Exception):
    """Raised by a handler: this message can never be handled. It goes to the dead letters with this reason."""


class Retry(Exception):
    """Raised by a handler: not now. Handled again after `delay_seconds`, without counting as a failure of it."""

    def __init__(self, why: str, delay_seconds: float) -> None:
        super().__init__(why)
        self.delay_seconds = delay_seconds


class Consumer(msgspec.Struct, frozen=True):
    """A durable reader with acknowledgements. Any number of processes may share one: each message goes to one of them.

    `ack_wait_seconds`: how long one handling may take before the message is handed out again (`Message.in_progress`
    starts it anew). `attempts`: handlings that may fail before the message is a dead letter. `concurrency`: messages in
    hand at once in this process. `from_now`: a new consumer begins with what comes, not with the stream's start (not
    on a work queue, where no two consumers may want the same subject either: ValueError).
    """

    stream: str
    name: str
    filters: tuple[str, ...]
    ack_wait_seconds: float = 30.0
    attempts: int = 5
    concurrency: int = 1
    from_now: bool = False


class Message(Protocol):
    """A message in a handler's hand. `attempt` counts its handlings from 1."""

    @property
    def stored(self) -> Stored: ...
    @property
    def attempt(self) -> int: ...
    async def in_progress(self) -> None:
        """Starts `ack_wait_seconds` anew: the work is long, not lost."""
        ...


Handler = Callable[[Message], Awaitable[None]]


class KeyValue(Protocol):
    """Small named values with revisions. `ttl_seconds` whole seconds, at least 1: the value is gone after them."""

    async def get(self, key: str) -> tuple[bytes, int] | None:
        """The value and its revision."""
        ...

    async def create(self, key: str, value: bytes, ttl_seconds: int | None = None) -> int | None:
        """The new revision, or None where the key has a value."""
        ...

    async def update(self, key: str, value: bytes, revision: int, ttl_seconds: int | None = None) -> int | None:
        """The new revision, or None where the value is not of `revision` any more. The time to live starts anew."""
        ...

    async def put(self, key: str, value: bytes) -> int: ...
    async def delete(self, key: str) -> None: ...


class Bus(Protocol):
    async def prepare(self, streams: tuple[StreamSpec, ...], buckets: tuple[BucketSpec, ...]) -> None:
        """Makes streams and buckets what the specs say (`libs.bus.streams.prepare` is how a process asks for it)."""
        ...

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        """Stores a commit on `commit.subject`; its place. `expected` is the place of the subject's last message
        (0: there is none; None: unconditional, for a subject that is written once under a name of its own cause).

        The last message being of the same commit id means that this very append was stored before: its place is the
        answer, nothing is stored again. Raises Conflict, TooLarge, BusDown. The current `traceparent` goes into the
        header.
        """
        ...

    async def load(self, subject: str, after: int = 0) -> list[Stored]:
        """Every message on a subject (wildcards `*` and `>` allowed) behind place `after`, oldest first. Complete, or
        BusDown.
        """
        ...

    async def last(self, subject: str) -> Stored | None:
        """The last message on an exact subject."""
        ...

    async def get(self, stream: str, seq: int) -> Stored | None:
        """One message by its place; None where it is gone or never was."""
        ...

    async def extent(self, stream: str) -> Extent:
        """What a stream holds now."""
        ...

    def tail(
        self, stream: str, filters: tuple[str, ...], after: int, *, follow: bool = True
    ) -> AsyncGenerator[Stored | CaughtUp]:
        """Every message that matches, in order and without a gap, from behind place `after`; one `CaughtUp` when what
        was there is handed out, then what comes. `follow=False` ends at `CaughtUp`. Survives reconnects. Keeps no state
        on the server. For projections: the reader keeps its own place. Closing the generator ends it.
        """
        ...

    def latest(self, stream: str, filters: tuple[str, ...]) -> AsyncGenerator[Stored | CaughtUp]:
        """As `tail` from the start that follows, but of what is there only the last message of each subject: for
        subjects of which the last message is the whole state.
        """
        ...

    async def consume(self, consumer: Consumer, handler: Handler) -> None:
        """Handles messages until cancelled: acknowledges after the handler returned, hands out again with growing
        pauses after it raised, moves a message that failed `attempts` times, or raised Poison, to the dead letters
        (`dead.<stream>.<consumer>`, with the reason). Pulls again on reconnect; notices missed heartbeats.
        """
        ...

    async def enqueue(self, subject: str, data: bytes, *, message_id: str) -> None:
        """Puts a message into a work queue (COMMANDS, JOBS). The same `message_id` within two minutes is put once."""
        ...

    async def publish(self, subject: str, data: bytes) -> None:
        """Core NATS: whoever listens now hears it. For heartbeats."""
        ...

    def subscribe(self, subject: str) -> AsyncGenerator[tuple[str, bytes]]:
        """What is published from now on, as (subject, data). Lossy when the reader is slow: newest are dropped."""
        ...

    async def stream_log(self, subject: str, data: bytes) -> None:
        """Stores a log batch (LOGS, `discard: old`). Returns when it is under way; where too many are, it waits."""
        ...

    async def flush_logs(self) -> None:
        """Every batch handed to `stream_log` is stored."""
        ...

    def key_value(self, bucket: str) -> KeyValue: ...

    async def arm(self, key: str, at: datetime, data: bytes) -> None:
        """At that time `data` appears on `timer.due.<key>` of TIMERS. `key` is tokens; the same key replaces."""
        ...

    async def disarm(self, key: str) -> None:
        """A timer that has not fired will not; one that has, or never was, is no error."""
        ...

    async def round_trip(self) -> None:
        """Asks the bus for a sign of life. Raises BusDown."""
        ...

    async def close(self) -> None: ...
