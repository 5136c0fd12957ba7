"""A machine's memory through a pipe: whole, in order, and never more of it than one piece."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from services.vm_agent.sandbox.qemu import pipe
from services.vm_agent.sandbox.qemu.pipe import PIECE_BYTES
from services.vm_agent.sandbox.qemu.qmp import MonitorError

LONG = os.urandom(5 * PIECE_BYTES + 17)


async def pieces(data: bytes, size: int = 3 * PIECE_BYTES) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_all_of_it_arrives_in_order() -> None:
    reading, writing = os.pipe()
    taken: list[bytes] = []

    async def take(data: bytes) -> None:
        taken.append(data)

    await asyncio.gather(pipe.feed(writing, pieces(LONG)), pipe.drain(reading, take))
    os.close(reading)
    assert b"".join(taken) == LONG
    assert max(map(len, taken)) <= PIECE_BYTES


async def test_a_slow_reader_holds_the_writer_up() -> None:
    reading, writing = os.pipe()
    offered = 0

    async def offering() -> AsyncIterator[bytes]:
        nonlocal offered
        async for piece in pieces(LONG, 1024):
            offered += len(piece)
            yield piece

    feeding = asyncio.ensure_future(pipe.feed(writing, offering()))
    for _ in range(20):
        await asyncio.sleep(0)
    assert offered <= PIECE_BYTES + 1024
    feeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feeding
    os.close(reading)


async def test_a_reader_that_is_gone_is_told_in_words() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(MonitorError, match="read no more"):
        await pipe.feed(writing, pieces(LONG))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(writing)


async def test_what_the_sink_raises_comes_out() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"data")

    async def refuse(data: bytes) -> None:
        raise ValueError("too much")

    with pytest.raises(ValueError, match="too much"):
        await pipe.drain(reading, refuse)
    os.close(reading)
    os.close(writing)
