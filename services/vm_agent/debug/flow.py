"""A stream of bytes over messages that may get lost: numbered pieces, and a window that the reader opens.

Used by both ends of a debug session. What carries the messages is not known here; a lost one is noticed, and ends all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from libs.contracts.debug import PIECE_BYTES, WINDOW_BYTES


class Broken(Exception):
    """The other side, or the bus between, broke the rules: a piece is missing, too large, or too much."""


class Outflow:
    """`send` publishes one piece under its number."""

    def __init__(self, send: Callable[[int, bytes], Awaitable[None]]) -> None:
        self._send = send
        self._credit = WINDOW_BYTES
        self._n = 0
        self._opened = asyncio.Event()

    async def write(self, data: bytes) -> None:
        """Returns when all of it is sent; waits while the window is shut."""
        for start in range(0, len(data), PIECE_BYTES):
            piece = data[start : start + PIECE_BYTES]
            while self._credit < len(piece):
                self._opened.clear()
                await self._opened.wait()
            self._credit -= len(piece)
            n, self._n = self._n, self._n + 1
            await self._send(n, piece)

    def granted(self, count: int) -> None:
        """Never beyond the window, whatever the other side says."""
        if count > 0:
            self._credit = min(WINDOW_BYTES, self._credit + count)
            self._opened.set()


class Inflow:
    """What came and is not read yet."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._unread = 0
        self._n = 0

    def take(self, n: int, data: bytes) -> None:
        """Raises Broken."""
        if n != self._n:
            raise Broken(f"piece {self._n} was lost on the way")
        if len(data) > PIECE_BYTES or self._unread + len(data) > WINDOW_BYTES:
            raise Broken("more was sent than was asked for")
        self._n += 1
        self._unread += len(data)
        self._pieces.put_nowait(data)

    def end(self) -> None:
        """Nothing more comes: what is there can be read, then an empty piece."""
        self._pieces.put_nowait(b"")

    async def read(self) -> bytes:
        """The next piece; whoever has used it grants its length to the other side."""
        data = await self._pieces.get()
        self._unread -= len(data)
        return data
