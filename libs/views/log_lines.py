"""A log as lines: from a batch in the stream, and from the blob that holds the whole of a finished attempt.

A reader resumes by line numbers, which are the same in both. It knows nothing of how lines are shown.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Stored
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import JobKey
from libs.contracts.logs import LogChunk

INFLATE_BYTES = 1024 * 1024
"""How much of a stored log is unpacked at a time: a few bytes of zlib may stand for a gigabyte."""
RECORD_BYTES = 8 * 1024 * 1024
"""A chunk fits into a message of the bus (1 MB); what is several times that long is no log."""

_chunks = msgspec.json.Decoder(LogChunk)


@dataclass(frozen=True, slots=True)
class LogLine:
    """One masked line of one attempt; `number` counts within the attempt from 0; step -1 is Firebreak's own word."""

    job: JobKey
    n: int
    step: int
    number: int
    text: str


def lines_of(message: Stored) -> list[LogLine]:
    """A stored log batch as lines."""
    _, _, _, job, n = message.subject.split(".")
    return _lines(_chunks.decode(message.data), JobKey(job), int(n))


async def stored_lines(blobs: Blobs, ref: BlobRef, job: JobKey, n: int) -> AsyncGenerator[LogLine]:
    """The lines of a finished attempt's log. Raises BlobMissing: before the first, or where the bytes are no log."""
    async for chunk in stored_chunks(blobs, ref):
        for line in _lines(chunk, job, n):
            yield line


async def stored_chunks(blobs: Blobs, ref: BlobRef) -> AsyncGenerator[LogChunk]:
    """The same in the pieces in which it was written, each of one step. Memory stays bounded."""
    rest = b""
    try:
        async for piece in _inflated(blobs, ref):
            *records, rest = (rest + piece).split(b"\n")
            if len(rest) > RECORD_BYTES:
                raise _damaged(ref, f"a record of over {RECORD_BYTES} bytes")
            for record in records:
                yield _chunks.decode(record)
            await asyncio.sleep(0)  # a long log must not keep the others of this event loop waiting
    except (zlib.error, msgspec.DecodeError) as error:
        raise _damaged(ref, str(error)) from error


async def _inflated(blobs: Blobs, ref: BlobRef) -> AsyncGenerator[bytes]:
    inflate = zlib.decompressobj()
    async for packed in blobs.stream(ref):
        piece = inflate.decompress(packed, INFLATE_BYTES)
        while piece:
            yield piece
            piece = inflate.decompress(inflate.unconsumed_tail, INFLATE_BYTES)


def _lines(chunk: LogChunk, job: JobKey, n: int) -> list[LogLine]:
    return [LogLine(job, n, chunk.step, chunk.first + place, text) for place, text in enumerate(chunk.lines)]


def _damaged(ref: BlobRef, why: str) -> BlobMissing:
    return BlobMissing(f"blob {ref.digest} is no log: {why}")
