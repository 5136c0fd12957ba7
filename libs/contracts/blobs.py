"""A reference to bytes that are too large, or too private, to stand in an event."""

from __future__ import annotations

import msgspec

INLINE_BYTES = 64 * 1024
"""What is larger stands in a blob: the log stays small enough to be folded from its start."""
DELIVERY_INLINE_BYTES = 512 * 1024
"""A compressed delivery larger than this is a blob: JetStream's `max_payload` is 1 MiB, and base64 adds a third."""


class BlobRef(msgspec.Struct, frozen=True):
    """Content-addressed: `digest` is the SHA-256 of the bytes in hex, `size` their number."""

    digest: str
    size: int
