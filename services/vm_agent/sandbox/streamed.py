"""Brings the async tar streams of the Sandbox protocol to the blocking archive code, which runs in a thread.

No queue of its own grows here: the reading thread asks the loop for the next piece when it needs one, and the writing
thread waits until its piece was taken.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable

from services.vm_agent.sandbox import archive
from services.vm_agent.sandbox.protocol import TarStream

PIECES_AHEAD = 4
"""Pieces of COPY_BYTES that may lie between the packing thread and a slow taker."""
PIECE_BYTES = archive.COPY_BYTES


class _Source:
    """A TarStream as something that a thread can read."""

    def __init__(self, stream: TarStream, loop: asyncio.AbstractEventLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._rest = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        parts: list[memoryview] = []
        missing = size
        while missing and (piece := self._rest or self._fetch()):
            parts.append(piece[:missing])
            self._rest = piece[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    def _fetch(self) -> memoryview:
        return memoryview(asyncio.run_coroutine_threadsafe(self._next(), self._loop).result())

    async def _next(self) -> bytes:
        async for piece in self._stream:
            if piece:
                return piece
        return b""


async def unpack(stream: TarStream | bytes, folder: str) -> None:
    """As `archive.unpack`, off the loop."""
    loop = asyncio.get_running_loop()
    source = io.BytesIO(stream) if isinstance(stream, bytes) else _Source(stream, loop)
    await asyncio.to_thread(archive.unpack, source, folder)


class _TakerLeft(Exception):
    pass


class _Sink:
    """What a thread writes, in pieces of a good size, as a bounded queue."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue(PIECES_AHEAD)
        self.abandoned = False
        self._loop = loop
        self._piece = bytearray()

    def write(self, data: bytes, /) -> int:
        self._piece += data
        if len(self._piece) >= PIECE_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self.abandoned:
            raise _TakerLeft
        if self._piece:
            asyncio.run_coroutine_threadsafe(self.pieces.put(bytes(self._piece)), self._loop).result()
            self._piece.clear()


async def pack(write: Callable[[archive.Writable], None]) -> AsyncIterator[bytes]:
    """The stream that `write` writes in a thread; ends the thread when the taker leaves early."""
    sink = _Sink(asyncio.get_running_loop())
    work = asyncio.ensure_future(asyncio.to_thread(_write_all, write, sink))
    try:
        while True:
            piece = asyncio.ensure_future(sink.pieces.get())
            await asyncio.wait({piece, work}, return_when=asyncio.FIRST_COMPLETED)
            if not piece.done():
                piece.cancel()
                break
            yield piece.result()
        await work
        while not sink.pieces.empty():
            yield sink.pieces.get_nowait()
    finally:
        await _release(sink, work)


def _write_all(write: Callable[[archive.Writable], None], sink: _Sink) -> None:
    write(sink)
    sink.flush()


async def _release(sink: _Sink, work: asyncio.Future[None]) -> None:
    sink.abandoned = True
    while not work.done():
        while not sink.pieces.empty():
            sink.pieces.get_nowait()
        await asyncio.wait({work}, timeout=0.01)
    if not work.cancelled():
        work.exception()
