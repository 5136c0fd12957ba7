"""The streams and buckets as data: what each holds, how long, and what bounds it. No I/O: an adapter makes them so.

A stream is one fsync queue, so what has another rhythm has another stream.

JOBS is kept in memory: a doorbell only points at `JobAssigned`, which is stored. If the server restarts, the bells in
it are lost, no `AttemptStarted` follows within 10 s, and the scheduler assigns anew; in exchange no job waits for an
fsync that protects nothing. ACTIVE is in memory for the same reason: a lease of 5 s is worth nothing after a restart.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from libs.contracts import subjects

DAY_SECONDS = 86_400.0
MIB = 1024 * 1024

MAX_MESSAGE_BYTES = 1_000_000
"""Below the server's `max_payload` (1 MiB), so that what we refuse as too large is our word and the headers fit."""
DEAD_LETTER_BYTES = MAX_MESSAGE_BYTES
COMMIT_WINDOW_SECONDS = 30.0
"""A commit's id is remembered longer than an append and its retries take; the expected sequence does the rest."""
QUEUE_WINDOW_SECONDS = 120.0
"""The port promises two minutes of deduplication for work queues."""
EVENT_DAYS = 180
DELIVERY_DAYS = 90
LOG_DAYS = 3
DEAD_DAYS = 30
LOG_MIB = 4096
"""Logs are in a blob after the attempt; a flood of them must not fill the disk that the events need."""
QUEUE_MIB = 256
DEAD_MIB = 512
JOB_MIB = 64
"""Of memory: some hundred waiting orders of the largest size, and hosts with free slots take them at once."""


class StreamSpec(msgspec.Struct, frozen=True):
    """`queue`: a message is gone when it is acknowledged. `discard_old`: at its bound the stream drops its oldest
    message instead of refusing the new one. `asynchronous`: stored without waiting for the disk.
    """

    name: str
    subjects: tuple[str, ...]
    storage: Literal["file", "memory"] = "file"
    queue: bool = False
    discard_old: bool = False
    asynchronous: bool = False
    schedules: bool = False
    max_age_seconds: float = 0.0
    max_mib: int = 0
    max_per_subject: int = 0
    duplicate_window_seconds: float = COMMIT_WINDOW_SECONDS
    max_message_bytes: int = MAX_MESSAGE_BYTES


class BucketSpec(msgspec.Struct, frozen=True):
    name: str
    storage: Literal["file", "memory"] = "file"
    max_value_bytes: int = MAX_MESSAGE_BYTES


def table(event_days: int = EVENT_DAYS) -> tuple[StreamSpec, ...]:
    """Every stream. `event_days`: how long the log stays in JetStream; older days live in the archive."""
    return (
        StreamSpec(subjects.DELIVERIES, ("raw.delivery.*",), max_age_seconds=DELIVERY_DAYS * DAY_SECONDS),
        StreamSpec(subjects.EVENTS, ("ev.>",), max_age_seconds=event_days * DAY_SECONDS),
        StreamSpec(
            subjects.COMMANDS,
            ("cmd.>",),
            queue=True,
            max_mib=QUEUE_MIB,
            duplicate_window_seconds=QUEUE_WINDOW_SECONDS,
        ),
        StreamSpec(
            subjects.JOBS,
            ("job.>",),
            storage="memory",
            queue=True,
            max_mib=JOB_MIB,
            duplicate_window_seconds=QUEUE_WINDOW_SECONDS,
        ),
        StreamSpec(subjects.TIMERS, ("timer.>",), queue=True, schedules=True, max_per_subject=1, max_mib=QUEUE_MIB),
        StreamSpec(
            subjects.LOGS,
            ("log.>",),
            discard_old=True,
            asynchronous=True,
            max_age_seconds=LOG_DAYS * DAY_SECONDS,
            max_mib=LOG_MIB,
        ),
        StreamSpec(
            subjects.DEAD,
            (
                "dead.>",
                "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>",
                "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
            ),
            discard_old=True,
            max_age_seconds=DEAD_DAYS * DAY_SECONDS,
            max_mib=DEAD_MIB,
            max_message_bytes=DEAD_LETTER_BYTES,
        ),
    )


BUCKETS = (
    BucketSpec(subjects.CHECKPOINTS),
    BucketSpec(subjects.ACTIVE, storage="memory"),
    BucketSpec(subjects.SECRETS),
    BucketSpec(subjects.SETTINGS),
)


_QUEUES = frozenset(spec.name for spec in table() if spec.queue)


def is_queue(stream: str) -> bool:
    """Whether its messages are gone when they are acknowledged: it is consumed or loaded, never tailed."""
    return stream in _QUEUES


class Preparable(Protocol):
    async def prepare(self, streams: tuple[StreamSpec, ...], buckets: tuple[BucketSpec, ...]) -> None: ...


async def prepare(bus: Preparable, event_days: int = EVENT_DAYS) -> None:
    """Makes every stream and bucket what the table says. Idempotent: each process may do it when it starts."""
    await bus.prepare(table(event_days), BUCKETS)
