"""A bucket in memory: values with revisions and times to live."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    revision: int
    gone_at: float | None


class MemoryKeyValue:
    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._revision = 0

    async def get(self, key: str) -> tuple[bytes, int] | None:
        entry = self._live(key)
        return None if entry is None else (entry.value, entry.revision)

    async def create(self, key: str, value: bytes, ttl_seconds: int | None = None) -> int | None:
        return None if self._live(key) else self._write(key, value, ttl_seconds)

    async def update(self, key: str, value: bytes, revision: int, ttl_seconds: int | None = None) -> int | None:
        entry = self._live(key)
        if entry is None or entry.revision != revision:
            return None
        return self._write(key, value, ttl_seconds)

    async def put(self, key: str, value: bytes) -> int:
        return self._write(key, value, None)

    async def delete(self, key: str) -> None:
        self._entries.pop(key, None)

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.gone_at is not None and entry.gone_at <= time.monotonic():
            del self._entries[key]
            return None
        return entry

    def _write(self, key: str, value: bytes, ttl_seconds: int | None) -> int:
        self._revision += 1
        gone_at = None if ttl_seconds is None else time.monotonic() + ttl_seconds
        self._entries[key] = _Entry(value, self._revision, gone_at)
        return self._revision
