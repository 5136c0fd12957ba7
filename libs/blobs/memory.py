"""Blobs in one process's memory: for tests and for small local runs."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from libs.blobs.port import BlobMissing
from libs.contracts.blobs import BlobRef


class MemoryBlobs:
    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}

    async def put(self, data: bytes) -> BlobRef:
        digest = hashlib.sha256(data).hexdigest()
        self._bytes[digest] = bytes(data)
        return BlobRef(digest, len(data))

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> BlobRef:
        return await self.put(b"".join([chunk async for chunk in chunks]))

    async def get(self, ref: BlobRef) -> bytes:
        data = self._bytes.get(ref.digest)
        if data is None or len(data) != ref.size:
            raise BlobMissing(f"no blob {ref.digest} of {ref.size} bytes in memory")
        return data

    async def stream(self, ref: BlobRef) -> AsyncIterator[bytes]:
        yield await self.get(ref)

    async def delete(self, ref: BlobRef) -> None:
        self._bytes.pop(ref.digest, None)
