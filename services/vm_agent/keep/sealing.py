"""Files that only the holder of a key can read, and that nobody can change, cut or swap unnoticed: libsodium's
secretstream in pieces, so that neither memory nor disk of a machine is ever whole in one place.

A file is a header and frames of a length and a sealed piece; the last one is marked as the last. The file's purpose is
bound in, so that one sealed file never passes for another. Where keys live is not known here.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

PIECE_BYTES = 1024**2
_LENGTH = struct.Struct(">I")
_MORE = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_LAST = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_HEADER_BYTES = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_EXTRA_BYTES = sodium.crypto_secretstream_xchacha20poly1305_ABYTES


class Damaged(Exception):
    """The file is not what was sealed with this key for this purpose."""


class TooMuch(Exception):
    """More was given than the bound allows."""


class Budget:
    """Bytes that several files share."""

    def __init__(self, limit_bytes: int) -> None:
        self.left = self.limit_bytes = limit_bytes

    @property
    def used_bytes(self) -> int:
        return self.limit_bytes - self.left

    def take(self, count: int) -> None:
        """Raises TooMuch."""
        if count > self.left:
            raise TooMuch(f"it would take more than {self.limit_bytes // 1024**2} MiB")
        self.left -= count


def new_key() -> bytes:
    return sodium.crypto_secretstream_xchacha20poly1305_keygen()


class Sealer:
    """Writes one file. What was not `finish`ed can never be opened."""

    def __init__(self, path: Path, key: bytes, purpose: str, budget: Budget) -> None:
        self._purpose, self._budget = purpose.encode(), budget
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        header = sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, key)
        self._file = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")  # noqa: SIM115
        self._pending = bytearray()
        self._file.write(header)

    async def take(self, data: bytes) -> None:
        """Raises TooMuch, OSError."""
        self._budget.take(len(data))
        self._pending += data
        while len(self._pending) > PIECE_BYTES:
            piece = bytes(self._pending[:PIECE_BYTES])
            del self._pending[:PIECE_BYTES]
            await asyncio.to_thread(self._write, piece, _MORE)

    async def finish(self) -> None:
        """It is on the disk when this returns."""
        await asyncio.to_thread(self._end)

    def close(self) -> None:
        self._file.close()

    def _end(self) -> None:
        self._write(bytes(self._pending), _LAST)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _write(self, piece: bytes, tag: int) -> None:
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(self._state, piece, self._purpose, tag)
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)


async def opened(path: Path, key: bytes, purpose: str) -> AsyncIterator[bytes]:
    """The pieces of a file. Raises Damaged, at the latest at its end: what came before is true, and may not be all."""
    with open(path, "rb") as file:  # noqa: ASYNC230  (a local file; its pieces are read in a thread)
        state = sodium.crypto_secretstream_xchacha20poly1305_state()
        header = file.read(_HEADER_BYTES)
        if len(header) != _HEADER_BYTES:
            raise Damaged(f"{path.name} is cut at its beginning")
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
        tag = _MORE
        while tag != _LAST:
            piece, tag = await asyncio.to_thread(_next, file, state, purpose.encode())
            if piece:
                yield piece
        if file.read(1):
            raise Damaged(f"{path.name} goes on behind its end")


def _next(
    file: BinaryIO, state: sodium.crypto_secretstream_xchacha20poly1305_state, purpose: bytes
) -> tuple[bytes, int]:
    head = file.read(_LENGTH.size)
    if len(head) != _LENGTH.size:
        raise Damaged("a sealed file is cut")
    (length,) = _LENGTH.unpack(head)
    if not _EXTRA_BYTES <= length <= PIECE_BYTES + _EXTRA_BYTES:
        raise Damaged("a sealed file holds a piece of a length that nobody wrote")
    sealed = file.read(length)
    try:
        return sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, purpose)
    except (CryptoError, ValueError, RuntimeError):
        raise Damaged("a sealed file was changed, or is not of this key") from None
