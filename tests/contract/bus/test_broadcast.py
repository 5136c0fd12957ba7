from __future__ import annotations

import asyncio
from contextlib import suppress

from libs.bus.port import Bus
from tests.contract.bus.story import until


async def test_whoever_listens_hears_it_and_nobody_else(bus: Bus) -> None:
    heard: list[tuple[str, bytes]] = []

    async def listen() -> None:
        async for subject, data in bus.subscribe("hb.*"):
            heard.append((subject, data))

    await bus.publish("hb.h0", b"before")
    task = asyncio.create_task(listen())
    await asyncio.sleep(0.1)
    await bus.publish("hb.h1", b"alive")
    await bus.publish("other.h1", b"not ours")
    await bus.publish("hb.h2", b"alive too")
    await until(lambda: len(heard) >= 2)
    assert heard == [("hb.h1", b"alive"), ("hb.h2", b"alive too")]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_slow_listener_loses_the_newest_and_hurts_nobody(bus: Bus) -> None:
    listening = bus.subscribe("hb.*")
    first = asyncio.ensure_future(anext(listening))
    await asyncio.sleep(0.1)
    for number in range(5000):
        await bus.publish("hb.h1", str(number).encode())
    await bus.round_trip()
    assert (await first)[1] == b"0"
    await asyncio.sleep(0.2)
    assert (await anext(listening))[1] == b"1"
    await listening.aclose()
