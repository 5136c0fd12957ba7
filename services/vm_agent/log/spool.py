"""The whole log of an attempt while it grows: compressed, in memory while it is small, then in a file of the host."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from libs.blobs.port import Blobs
from libs.contracts.blobs import BlobRef

MEMORY_BYTES = 256 * 1024
"""Of compressed log: most jobs never reach it, and a thousand jobs that do not are a quarter of a gigabyte."""
LEVEL = 1
"""zlib's fastest: a log at 50 MB/s must not wait for it, and the next levels save a tenth at twice the time."""
READ_BYTES = 256 * 1024


class Spool:
    """`folder` must exist when the log outgrows the memory. Raises OSError where the disk is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._compressor = zlib.compressobj(LEVEL)
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        self._keep(self._compressor.compress(data))

    async def store(self, blobs: Blobs) -> BlobRef:
        """Ends the log and puts it into the blobs."""
        self._keep(self._compressor.flush())
        if self._file is None:
            return await blobs.put(bytes(self._memory))
        self._file.seek(0)
        return await blobs.put_stream(_chunks(self._file))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _keep(self, compressed: bytes) -> None:
        if self._file is not None:
            self._file.write(compressed)
            return
        self._memory += compressed
        if len(self._memory) > MEMORY_BYTES:
            # Imported here: most jobs never need it, and a cold start should not pay for it.
            import tempfile

            # Closed in `close`; it has no name, so a crash leaves nothing behind.
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._file.write(self._memory)
            self._memory.clear()


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while data := file.read(READ_BYTES):
        yield data
