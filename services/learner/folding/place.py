"""Where an event stands, and the bounds of what is kept of it.

Texts are cut and numbers clamped, because what they hold was chosen by whoever wrote the workflow.
"""

from __future__ import annotations

import msgspec

from libs.bus.port import Stored
from libs.contracts import envelope

TEXT_CHARACTERS = 2_000
"""A reason or a name: longer than any that a person reads in a table."""
SUBJECTS_KEPT = 4_096
"""Parsed subjects in memory: the events of one run come close together."""
INTEGER_LIMIT = 2**63 - 1
"""A BIGINT's; msgspec reads any integer that JSON can spell."""


class Where(msgspec.Struct, frozen=True, gc=False):
    """Where an event stands."""

    stored: Stored
    commit: envelope.Commit
    seq: int
    place: int
    stored_at: int


def text(text: str) -> str:
    """Cut, and without lone surrogates, which JSON can spell and no column can hold."""
    return text[:TEXT_CHARACTERS] if text.isascii() else _storable(text)


def _storable(text: str) -> str:
    return text[:TEXT_CHARACTERS].encode("utf-8", "replace").decode()


def integer(value: int) -> int:
    return max(-INTEGER_LIMIT, min(INTEGER_LIMIT, value))
