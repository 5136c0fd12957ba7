"""The shell's two clocks, and the only place where one is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _wall() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now` is the wall clock in UTC, for what events say; `monotonic` measures silence."""

    now: Callable[[], datetime] = _wall
    monotonic: Callable[[], float] = time.monotonic
