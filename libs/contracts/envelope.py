"""The commit: one message, one decision, all of its events; the attributes have CloudEvents' names.

The body stays raw until somebody who knows the aggregate decodes it: a projection skips and counts a type that it
does not know, a decider stops at one.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from libs.contracts.ids import Cause, CommitId

FORMAT_VERSION = 1


class Commit(msgspec.Struct, frozen=True):
    """What is stored. `events` are objects with a `type`; `time` is when the decision was made, RFC 3339 in UTC."""

    id: CommitId
    source: str
    subject: str
    time: datetime
    cause: Cause
    events: tuple[msgspec.Raw, ...]
    actor: str = ""
    version: int = FORMAT_VERSION


class Tag(msgspec.Struct, frozen=True):
    """The one field that every event has, read without knowing the event."""

    type: str


class UnknownEvent(Exception):
    """A decider met a type that it does not know: a newer writer is about, and to decide now would be to guess."""


class Envelope(msgspec.Struct, frozen=True):
    """One event of a commit as people see it (`firebreak events tail --json` prints one a line)."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    cause: str
    actor: str
    version: int
    seq: int
    data: msgspec.Raw


_encoder = msgspec.json.Encoder()
_commits = msgspec.json.Decoder(Commit)
_tags = msgspec.json.Decoder(Tag)


def commit(
    *,
    id: CommitId,
    source: str,
    subject: str,
    cause: Cause,
    now: datetime,
    events: list[msgspec.Struct],
    actor: str = "",
) -> Commit:
    """Seals one decision. `now` is the caller's clock; `events` are tagged structs of one aggregate, at least one."""
    if not events:
        raise ValueError(f"a commit on {subject} needs an event")
    raw = tuple(msgspec.Raw(_encoder.encode(event)) for event in events)
    return Commit(id=id, source=source, subject=subject, time=now, cause=cause, events=raw, actor=actor)


def encode(message: msgspec.Struct) -> bytes:
    return _encoder.encode(message)


def decode_commit(data: bytes) -> Commit:
    """Raises msgspec.DecodeError for what is no commit."""
    return _commits.decode(data)


def type_of(event: msgspec.Raw) -> str:
    return _tags.decode(event).type


def envelopes(commit: Commit, seq: int) -> list[Envelope]:
    """One a event; the id is the commit's with the event's place, `seq` is the commit's place in its stream."""
    return [
        Envelope(
            id=f"{commit.id}.{place}",
            source=commit.source,
            type=type_of(event),
            subject=commit.subject,
            time=commit.time,
            cause=commit.cause,
            actor=commit.actor,
            version=commit.version,
            seq=seq,
            data=event,
        )
        for place, event in enumerate(commit.events)
    ]


def utc(seconds: float) -> datetime:
    """A wall-clock reading in seconds since 1970 as the time of a commit."""
    return datetime.fromtimestamp(seconds, UTC)
