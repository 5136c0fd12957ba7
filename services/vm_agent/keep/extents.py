"""A sparse file as a stream of what it holds, and back: a job's disk of many gigabytes holds some megabytes.

The stream is the file's size, then pieces of an offset, a length and their bytes. What they mean is not known here.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from services.vm_agent.keep.sealing import Damaged

PIECE_BYTES = 1024**2
SIZE_BYTES = 64 * 1024**4
"""The largest size that is believed."""
_SIZE = struct.Struct(">Q")
_PIECE = struct.Struct(">QI")


async def read(path: str, sink: Callable[[bytes], Awaitable[None]]) -> None:
    """Hands out the data of a file, holes left out. Raises OSError, and what the sink raises."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        await sink(_SIZE.pack(size))
        for start, end in _extents(descriptor, size):
            for offset in range(start, end, PIECE_BYTES):
                data = await asyncio.to_thread(os.pread, descriptor, min(PIECE_BYTES, end - offset), offset)
                await sink(_PIECE.pack(offset, len(data)) + data)
    finally:
        os.close(descriptor)


async def write(path: str, source: AsyncIterator[bytes]) -> None:
    """Makes the file anew. Raises Damaged for what `read` never wrote, OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    held = bytearray()
    size = -1
    try:
        async for data in source:
            held += data
            if size < 0 and len(held) >= _SIZE.size:
                (size,) = _SIZE.unpack(held[: _SIZE.size])
                del held[: _SIZE.size]
                if size > SIZE_BYTES:
                    raise Damaged("a kept disk has a size that no disk has")
                os.ftruncate(descriptor, size)
            for offset, piece in _pieces(held, size):
                await asyncio.to_thread(os.pwrite, descriptor, piece, offset)
        if size < 0 or held:
            raise Damaged("a kept disk is cut")
    finally:
        os.close(descriptor)


def _extents(descriptor: int, size: int) -> Iterator[tuple[int, int]]:
    end = 0
    while end < size:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


def _pieces(held: bytearray, size: int) -> Iterator[tuple[int, bytes]]:
    """Takes the whole pieces out of what is held."""
    while size >= 0 and len(held) >= _PIECE.size:
        offset, length = _PIECE.unpack(held[: _PIECE.size])
        if length > PIECE_BYTES or offset + length > size:
            raise Damaged("a kept disk has a piece that lies outside of it")
        if len(held) < _PIECE.size + length:
            return
        yield offset, bytes(held[_PIECE.size : _PIECE.size + length])
        del held[: _PIECE.size + length]
