"""A dead letter: the message as it was, on `dead.<stream>.<consumer>`, with the story in its headers."""

from __future__ import annotations

from collections.abc import Mapping

from libs.bus.port import Stored

REASON = "Firebreak-Reason"
STREAM = "Firebreak-Stream"
CONSUMER = "Firebreak-Consumer"
SUBJECT = "Firebreak-Subject"
SEQUENCE = "Firebreak-Sequence"
ATTEMPTS = "Firebreak-Attempts"
TRACE = "traceparent"


def address(stream: str, consumer: str) -> str:
    return f"dead.{stream}.{consumer}"


def headers(stored: Stored, *, stream: str, consumer: str, reason: str, attempt: int) -> Mapping[str, str]:
    """Enough to find the original, to say why it is here, and to put it back (`Firebreak-Subject` and the body)."""
    story = {
        REASON: reason,
        STREAM: stream,
        CONSUMER: consumer,
        SUBJECT: stored.subject,
        SEQUENCE: str(stored.seq),
        ATTEMPTS: str(attempt),
    }
    trace = stored.headers.get(TRACE)
    return story if trace is None else {**story, TRACE: trace}
