"""What recognizes a stored message again, so that a stream is told from another one that had its name before."""

from __future__ import annotations

import hashlib

from libs.bus.port import Stored

ANCHOR_DIGITS = 32


def anchor(stored: Stored) -> str:
    """A commit's bytes hold its id and its time, so those of another stream differ."""
    return hashlib.sha256(stored.subject.encode() + b"\n" + stored.data).hexdigest()[:ANCHOR_DIGITS]
