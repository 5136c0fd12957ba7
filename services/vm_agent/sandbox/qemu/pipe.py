"""A machine's memory through a pipe, piece by piece, into a function or from a generator: one piece waits at most.

QEMU is at the other end: it may stop at any time, and what it writes is as long as it likes; bounds are the caller's.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator

from services.vm_agent.sandbox.machine.saving import Sink
from services.vm_agent.sandbox.qemu.qmp import MonitorError

PIECE_BYTES = 1024**2
"""What a pipe may hold at most on a usual system: the fewer pieces, the fewer turns of the event loop."""
IDLE_SECONDS = 30.0
"""Neither end may be silent for longer: memory is read and written at hundreds of megabytes a second."""


async def drain(reading: int, sink: Sink) -> None:
    """Until the other end is closed. Raises MonitorError, and what the sink raises; closes nothing."""
    _widen(reading)
    while True:
        try:
            data = os.read(reading, PIECE_BYTES)
        except BlockingIOError:
            await _ready(reading, writes=False)
            continue
        if not data:
            return
        await sink(data)


async def feed(writing: int, source: AsyncIterator[bytes]) -> None:
    """Writes all of it and closes the descriptor, whatever happens. Raises MonitorError, and what the source raises."""
    try:
        _widen(writing)
        async for data in source:
            left = memoryview(data)
            while left:
                try:
                    left = left[os.write(writing, left) :]
                except BlockingIOError:
                    await _ready(writing, writes=True)
    except BrokenPipeError:
        raise MonitorError("QEMU read no more of the saved memory") from None
    finally:
        os.close(writing)


def _widen(descriptor: int) -> None:
    os.set_blocking(descriptor, False)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIECE_BYTES)
    except OSError:
        # Pipes of this user are bounded: it goes slower.
        return


async def _ready(descriptor: int, *, writes: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def is_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    (loop.add_writer if writes else loop.add_reader)(descriptor, is_ready)
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            await ready
    except TimeoutError:
        raise MonitorError(f"QEMU moved nothing of its memory for {IDLE_SECONDS:g} s") from None
    finally:
        (loop.remove_writer if writes else loop.remove_reader)(descriptor)
