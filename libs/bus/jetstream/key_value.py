"""A NATS key-value bucket by raw messages: conditions, and times to live that an update renews.

The library's own `update` drops the time to live, and a lease lives by it. A write that was interrupted is recognised
by the mark in its header: then the refusal of its repetition was ours.
"""

from __future__ import annotations

import re
import secrets

from libs.bus.jetstream import api, appending, direct
from libs.bus.jetstream.connection import Connection
from libs.bus.port import Stored

_KEY = re.compile(r"[-/_=.a-zA-Z0-9]+\Z")
_MARK = "Firebreak-Write"
_OPERATION = "KV-Operation"
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"


class JetStreamKeyValue:
    def __init__(self, connection: Connection, bucket: str) -> None:
        self._connection, self._bucket = connection, bucket

    async def get(self, key: str) -> tuple[bytes, int] | None:
        stored = await self._last(key)
        if stored is None or _OPERATION in stored.headers:
            return None
        return stored.data, stored.seq

    async def create(self, key: str, value: bytes, ttl_seconds: int | None = None) -> int | None:
        revision = await self._write(key, value, ttl_seconds, 0)
        if revision is not None:
            return revision
        there = await self._last(key)
        if there is None or _is_deletion(there):
            return await self._write(key, value, ttl_seconds, 0 if there is None else there.seq)
        return None

    async def update(self, key: str, value: bytes, revision: int, ttl_seconds: int | None = None) -> int | None:
        return await self._write(key, value, ttl_seconds, revision)

    async def put(self, key: str, value: bytes) -> int:
        ack = await appending.publish(self._connection, self._subject(key), value, {})
        return ack.seq

    async def delete(self, key: str) -> None:
        request: api.Request = {"filter": self._subject(key)}
        await api.call(self._connection, f"STREAM.PURGE.KV_{self._bucket}", request, api.Answer)

    async def _write(self, key: str, value: bytes, ttl_seconds: int | None, expected: int) -> int | None:
        mark = secrets.token_hex(8)
        headers = {_EXPECTED: str(expected), _MARK: mark}
        if ttl_seconds is not None:
            headers["Nats-TTL"] = f"{ttl_seconds}s"
        ack = await appending.publish(self._connection, self._subject(key), value, headers)
        if ack.error is None:
            return ack.seq
        there = await self._last(key)
        return there.seq if there is not None and there.headers.get(_MARK) == mark else None

    async def _last(self, key: str) -> Stored | None:
        return await direct.last(self._connection, f"KV_{self._bucket}", self._subject(key))

    def _subject(self, key: str) -> str:
        if not _KEY.match(key):
            raise ValueError(f"{key!r} cannot be a key: letters, digits, '-', '/', '_', '=' and '.'")
        return f"$KV.{self._bucket}.{key}"


def _is_deletion(stored: Stored) -> bool:
    """Markers that other clients, or the server after a time to live, leave in place of a value."""
    return _OPERATION in stored.headers or "Nats-Marker-Reason" in stored.headers
