"""What the services know of blobs: put bytes, get them by their digest.

Written before the event that refers to them; a blob without a referrer is garbage, an event without its blob never is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from libs.contracts.blobs import BlobRef


class BlobMissing(Exception):
    """No such blob, or its bytes are not those that its digest names."""


class BlobsDown(Exception):
    """The store did not do it (full, unreachable, not allowed); in its own words. Nothing half-written is visible."""


class Blobs(Protocol):
    """Every method raises BlobsDown."""

    async def put(self, data: bytes) -> BlobRef:
        """Stores the bytes; the same bytes twice are stored once."""
        ...

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> BlobRef:
        """The same for what does not fit into memory."""
        ...

    async def get(self, ref: BlobRef) -> bytes:
        """The bytes, verified. Raises BlobMissing."""
        ...

    def stream(self, ref: BlobRef) -> AsyncIterator[bytes]:
        """The bytes in pieces; BlobMissing at the start or, where they prove wrong, at the end."""
        ...

    async def delete(self, ref: BlobRef) -> None:
        """Erases; what is not there is no error."""
        ...
