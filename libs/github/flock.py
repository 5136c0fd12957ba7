"""A lock between processes on one machine, gone when its holder is: `flock` on a file that stays."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

RETRY_SECONDS = 0.05
"""Between two tries: the wait for a fetch is seconds, so a twentieth of one more is not felt."""


@asynccontextmanager
async def locked(path: Path, seconds: float) -> AsyncGenerator[None]:
    """Raises TimeoutError where another process holds it for longer."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        async with asyncio.timeout(seconds):
            while not _taken(handle):
                await asyncio.sleep(RETRY_SECONDS)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
