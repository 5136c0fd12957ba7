"""A memory with a bound: what has not been used for longest is forgotten."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

KEPT = 10_000
"""Runs or pull requests; what is forgotten is looked up at GitHub again."""


class Recent(Generic[Key, Value]):
    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._values: dict[Key, Value] = {}

    def get(self, key: Key) -> Value | None:
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value
        return value

    def put(self, key: Key, value: Value) -> None:
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._kept:
            del self._values[next(iter(self._values))]

    def forget(self, key: Key) -> None:
        self._values.pop(key, None)
