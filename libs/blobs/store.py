"""Blobs in a folder, or in S3-compatible storage, over obstore; which one is the URL's business.

A blob lies at `sha256/<two digits>/<digest>`. It appears whole or not at all, and in a folder it is on the disk before
`put` returns: the event that refers to it comes next. What is read is checked against its name. Heavy: imported where
blobs are opened, and obstore itself when the first one is put or read.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from libs.blobs.memory import MemoryBlobs
from libs.blobs.port import BlobMissing, Blobs, BlobsDown
from libs.contracts.blobs import BlobRef

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART_BYTES = 5 * 1024 * 1024
"""The least that S3 takes as a part of an upload, and what a reader is handed at a time."""
PARTS_UNDER_WAY = 4
"""Of one upload: 20 MiB of memory."""
SCHEMES = ("file", "s3", "memory")


def open_blobs(url: str) -> Blobs:
    """`file:///folder`, `s3://bucket/prefix` (credentials and endpoint from `AWS_*`), or `memory:`. Does no I/O.

    Raises ValueError for another scheme.
    """
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return MemoryBlobs()
    if parts.scheme not in SCHEMES:
        raise ValueError(f"{url!r} is no place for blobs: file:///folder, s3://bucket/prefix or memory:")
    return StoredBlobs(url, Path(unquote(parts.path)) if parts.scheme == "file" else None)


class StoredBlobs:
    """`folder` is set where the blobs are files of this machine."""

    def __init__(self, url: str, folder: Path | None) -> None:
        self._url, self._folder = url, folder

    async def put(self, data: bytes) -> BlobRef:
        from obstore import put_async

        ref = BlobRef(hashlib.sha256(data).hexdigest(), len(data))
        with self._errors(ref.digest):
            await put_async(self._store, _path(ref), data, chunk_size=PART_BYTES, max_concurrency=PARTS_UNDER_WAY)
            await self._to_disk(ref)
        return ref

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> BlobRef:
        """Its name is known at its end, so it is written under another one first."""
        from obstore import delete_async, put_async, rename_async

        incoming = f"incoming/{secrets.token_hex(16)}"
        counted = _Counted(chunks)
        with self._errors(incoming):
            try:
                await put_async(
                    self._store, incoming, counted.read(), chunk_size=PART_BYTES, max_concurrency=PARTS_UNDER_WAY
                )
                counted.raise_error()
                ref = counted.ref()
                await rename_async(self._store, incoming, _path(ref))
            except BaseException:
                with suppress(FileNotFoundError):
                    await delete_async(self._store, incoming)
                counted.raise_error()
                raise
            await self._to_disk(ref)
        return ref

    async def get(self, ref: BlobRef) -> bytes:
        return b"".join([chunk async for chunk in self.stream(ref)])

    async def stream(self, ref: BlobRef) -> AsyncGenerator[bytes]:
        from obstore import get_async

        digest, size = hashlib.sha256(), 0
        with self._errors(ref.digest):
            found = await get_async(self._store, _path(ref))
            async for part in found.stream(min_chunk_size=PART_BYTES):
                chunk = bytes(part)
                digest.update(chunk)
                size += len(chunk)
                yield chunk
        if digest.hexdigest() != ref.digest or size != ref.size:
            raise BlobMissing(f"{self._url}: the bytes at {_path(ref)} are not those of that digest and size")

    async def delete(self, ref: BlobRef) -> None:
        from obstore import delete_async

        with self._errors(ref.digest), suppress(FileNotFoundError):
            await delete_async(self._store, _path(ref))

    @cached_property
    def _store(self) -> ObjectStore:
        from obstore.store import LocalStore, from_url

        if self._folder is None:
            return from_url(self._url)
        return LocalStore(self._folder, mkdir=True)

    async def _to_disk(self, ref: BlobRef) -> None:
        if self._folder is not None:
            await asyncio.to_thread(_sync, self._folder / _path(ref))

    @contextmanager
    def _errors(self, what: str) -> Generator[None]:
        """The store's errors in our words."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            raise BlobMissing(f"{self._url}: no blob {what}") from error
        except (BaseError, OSError) as error:
            raise BlobsDown(f"{self._url}: {what}: {error}") from error


class _Counted:
    """Chunks on their way, hashed; the source's own error is kept, since the store would wrap it."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._digest = hashlib.sha256()
        self._size = 0
        self._error: Exception | None = None

    async def read(self) -> AsyncGenerator[bytes]:
        try:
            async for chunk in self._chunks:
                self._digest.update(chunk)
                self._size += len(chunk)
                yield chunk
        except Exception as error:
            self._error = error
            raise

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def ref(self) -> BlobRef:
        return BlobRef(self._digest.hexdigest(), self._size)


def _path(ref: BlobRef) -> str:
    """Raises BlobMissing for what is no digest: references come out of events, and this becomes a path."""
    if len(ref.digest) != 64 or not set(ref.digest) <= set("0123456789abcdef"):
        raise BlobMissing(f"{ref.digest!r} is no SHA-256 in hex")
    return f"sha256/{ref.digest[:2]}/{ref.digest}"


def _sync(path: Path) -> None:
    """The file, then the name that it has in its folder."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
