"""Where an event stands, and the bounds of what is kept of it.

Texts are cut and numbers clamped, because what they hold was chosen by whoever wrote the workflow.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from libs.bus.port import Stored

TEXT_CHARACTERS = 2_000
"""A reason or a name: longer than any that a person reads in a table."""
SUBJECTS_KEPT = 4_096
"""Parsed subjects in memory: the events of one run come close together."""
INTEGER_LIMIT = 2**63 - 1
"""A BIGINT's; msgspec reads any integer that JSON can spell."""
SMALL_LIMIT = 2**31 - 1
"""An INTEGER's."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Where(msgspec.Struct, frozen=True, gc=False):
    """Where an event stands, and what its commit was caused by."""

    stored: Stored
    cause: str
    seq: int
    place: int
    stored_at: int


def text(text: str) -> str:
    """Cut, and without lone surrogates, which JSON can spell and no column can hold."""
    return text[:TEXT_CHARACTERS] if text.isascii() else _storable(text)


def _storable(text: str) -> str:
    return text[:TEXT_CHARACTERS].encode("utf-8", "replace").decode()


def integer(value: int) -> int:
    if -INTEGER_LIMIT <= value <= INTEGER_LIMIT:
        return value
    return INTEGER_LIMIT if value > 0 else -INTEGER_LIMIT


def small(value: int) -> int:
    """Of a count that no honest event has beyond an INTEGER's."""
    if -SMALL_LIMIT <= value <= SMALL_LIMIT:
        return value
    return SMALL_LIMIT if value > 0 else -SMALL_LIMIT


def listed(texts: Iterable[str]) -> str:
    """As one text, separated by commas: what is asked of it is whether something is in it."""
    return text(",".join(texts))


def microseconds(time: datetime) -> int:
    """Since 1970. A time without a zone is taken as UTC: an event may hold one, and it is no reason to stop."""
    aware = time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def phases(milliseconds: dict[str, float]) -> tuple[float, str]:
    """In all, and as JSON."""
    return sum(milliseconds.values()), text(msgspec.json.encode(milliseconds).decode())
