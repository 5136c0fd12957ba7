"""A day of one stream as the archive keeps it, and when it may be written. Pure: no file, no clock, no bus.

A day is a stretch of places, without a gap to the one before it, and not only a stretch of time: the server's clock may
be set back, and a message belongs to the latest day that was reached before it. So every place is in one day.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta

import msgspec

from libs.bus.port import Stored

FORMAT = 1
GRACE = timedelta(minutes=10)
"""After midnight: our clock and the server's may differ by so much."""
ALARM = timedelta(days=14)
"""So long before the stream drops what is not archived it is said: time to free a disk, or to mend whatever it is."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Day(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest beside a day's file. The day answers for the places `after + 1` to `last`: `messages` of them are in
    the file, `lost` were dropped by the stream before anybody archived them, the others were erased.

    `messages_sha256` is over all of the messages (`Digest`), `file_sha256` over the file. The anchors recognize the
    first and the last message. Fields are only added, with defaults.
    """

    format: int = FORMAT
    stream: str
    day: date
    after: int
    first: int
    last: int
    messages: int
    lost: int = 0
    first_stored: datetime
    last_stored: datetime
    first_anchor: str
    last_anchor: str
    messages_sha256: str
    file_sha256: str
    file_bytes: int


class Digest:
    """Over messages in order: their places, times, lengths and bytes."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, stored: Stored, headers: str) -> None:
        subject, texts = stored.subject.encode(), headers.encode()
        lengths = (stored.seq, microseconds(stored.time), len(subject), len(texts), len(stored.data))
        self._sha.update(b"%d %d %d %d %d\n" % lengths)
        self._sha.update(subject + texts + stored.data)

    def hex(self) -> str:
        return self._sha.hexdigest()


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def is_closed(day: date, now: datetime) -> bool:
    """Whether nothing of that day (UTC) is stored any more."""
    return now >= datetime.combine(day, time(), UTC) + timedelta(days=1) + GRACE


def day_of(stored: Stored, least: date) -> date:
    """The day that a message belongs to, where `least` is the earliest that is not over."""
    return max(stored.time.astimezone(UTC).date(), least)


def in_danger(oldest: datetime, now: datetime, kept_days: float) -> bool:
    """Whether the stream drops a message of that time soon."""
    return now >= oldest + timedelta(days=kept_days) - ALARM
