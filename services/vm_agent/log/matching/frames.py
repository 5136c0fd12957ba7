"""How the agent and its matching process speak: a length, then JSON. Only the standard library (see `__main__`)."""

from __future__ import annotations

import json
import struct

LENGTH = struct.Struct(">I")
FRAME_BYTES = 16 * 1024 * 1024
"""A block of output in seven groups of one pattern, escaped in the worst alphabet, stays below it."""


def frame(message: dict[str, object]) -> bytes:
    data = json.dumps(message).encode()
    return LENGTH.pack(len(data)) + data
