"""Waits on the kernel's descriptors without a thread: for bytes on a pipe, for the end of a child."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable


async def readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: ready.done() or ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def read_all(descriptor: int, limit_bytes: int) -> bytes:
    """Until the writers have closed it, or the limit; the descriptor must not block."""
    data = b""
    while len(data) < limit_bytes:
        await readable(descriptor)
        part = os.read(descriptor, limit_bytes - len(data))
        if not part:
            break
        data += part
    return data


def when_ended(process: subprocess.Popen[bytes], action: Callable[[int], None]) -> None:
    """Reaps the child when it ends, and calls `action` with its code, negative for a signal."""
    loop = asyncio.get_running_loop()
    descriptor = os.pidfd_open(process.pid)

    def ended() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        action(process.wait())

    loop.add_reader(descriptor, ended)
