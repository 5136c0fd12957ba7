"""Reads a request's body, and never more of it than there is room for.

The declared length is looked at first; a body that declares none, or lies, is cut off at the bound. All bodies in
memory share one budget, and a sender that dawdles is dropped: a thousand slow strangers must not fill the memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from services.ingress.admission import Refused

# ASGI's own types; they are untyped mappings by its specification.
Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 25 * 1024 * 1024
"""GitHub sends no payload over 25 MB."""
MEMORY_BYTES = 256 * 1024 * 1024
"""Ten of the largest payloads at once, thirty thousand usual ones."""
READ_SECONDS = 10.0
"""GitHub itself gives up after 10 s."""
DISCARD_BYTES = 64 * 1024 * 1024
DISCARD_SECONDS = 5.0
"""What is read and dropped after a refusal: a client that is still sending would lose the answer otherwise."""

TOO_LARGE = Refused(
    413, "too_large", f"the body is over {MAX_BODY_BYTES} bytes, and GitHub sends none that large: nothing was stored"
)
NO_ROOM = Refused(503, "no_room", "too many large bodies at once: send it again in a moment")
TOO_SLOW = Refused(408, "too_slow", f"the body did not arrive within {READ_SECONDS:.0f} s: send it again")


class Gone(Exception):
    """The client went away before its body was complete."""


@dataclass(slots=True)
class Memory:
    """The bytes of all bodies at hand."""

    limit: int = MEMORY_BYTES
    used: int = 0


def refuse_declared(headers: Mapping[bytes, bytes]) -> Refused | None:
    """By Content-Length alone, before a byte is read."""
    declared = headers.get(b"content-length", b"0")
    return TOO_LARGE if declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES else None


async def read(receive: Receive, memory: Memory) -> bytes | Refused:
    """The whole body. What it takes of `memory` the caller gives back: `len` of the body. Raises Gone."""
    first = await _within(receive, READ_SECONDS)
    if first is None:
        return TOO_SLOW
    if first["type"] == "http.request" and not first.get("more_body", False):
        return _take(memory, 0, first.get("body", b"")) or first.get("body", b"")
    return await _read_rest(receive, first, memory)


async def _read_rest(receive: Receive, first: Message, memory: Memory) -> bytes | Refused:
    pieces: list[bytes] = []
    size, message, complete = 0, first, False
    deadline = asyncio.get_running_loop().time() + READ_SECONDS
    try:
        while True:
            if message["type"] == "http.disconnect":
                raise Gone
            piece: bytes = message.get("body", b"")
            refused = _take(memory, size, piece)
            if refused is not None:
                return refused
            size += len(piece)
            pieces.append(piece)
            if not message.get("more_body", False):
                complete = True
                return b"".join(pieces)
            following = await _within(receive, deadline - asyncio.get_running_loop().time())
            if following is None:
                return TOO_SLOW
            message = following
    finally:
        if not complete:
            memory.used -= size


def _take(memory: Memory, size: int, piece: bytes) -> Refused | None:
    if size + len(piece) > MAX_BODY_BYTES:
        return TOO_LARGE
    if memory.used + len(piece) > memory.limit:
        return NO_ROOM
    memory.used += len(piece)
    return None


async def discard(receive: Receive) -> None:
    """Reads what is still coming and keeps nothing, within bounds."""
    left = DISCARD_BYTES
    deadline = asyncio.get_running_loop().time() + DISCARD_SECONDS
    while left > 0:
        message = await _within(receive, deadline - asyncio.get_running_loop().time())
        if message is None or message["type"] == "http.disconnect" or not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))


async def _within(receive: Receive, seconds: float) -> Message | None:
    try:
        async with asyncio.timeout(max(seconds, 0)):
            return await receive()
    except TimeoutError:
        return None
