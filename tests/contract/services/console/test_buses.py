"""The console on the bus in both of its forms: the same pages and streams, and a file that is of one stream only."""

from __future__ import annotations

import asyncio
from pathlib import Path

from libs.blobs.memory import MemoryBlobs
from libs.bus.jetstream import JetStreamBus
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus
from tests.contract.services.console.opened import listening, make_process
from tests.contract.services.console.test_live import SECONDS, Reader
from tests.unit.services.console.telling import Telling, plan


async def test_a_run_is_followed_from_its_plan_to_its_verdict(bus: Bus, tmp_path: Path) -> None:
    blobs, reader = MemoryBlobs(), Reader()
    async with listening(make_process(tmp_path, bus, blobs)) as it:
        telling = Telling(bus, blobs=blobs)
        await telling.planned()
        await telling.assigned()
        await telling.started()
        for number in range(5):
            await telling.print(f"line {number}")
        await bus.flush_logs()
        await it.up_to_date()
        for _ in range(3):
            await reader.read(it.client, most=1)
        reading = asyncio.create_task(reader.read(it.client))
        async with asyncio.timeout(SECONDS):
            while reader.numbers != [0, 1, 2, 3, 4]:
                await asyncio.sleep(0.01)
        await telling.print("the last one")
        await telling.attempt_over()
        await telling.finished()
        await reading

        assert reader.numbers == [0, 1, 2, 3, 4, 5]
        assert reader.ended is not None
        assert "failed" in await it.page("/")
        assert "line 4" in await it.page("/runs/7/jobs/build")
    async with listening(make_process(tmp_path, bus, blobs)) as it:
        await Telling(bus, plan(8)).planned()
        assert "/runs/8" in await it.page("/")


async def test_a_file_of_another_stream_is_not_believed(jetstream_bus: JetStreamBus, tmp_path: Path) -> None:
    other = MemoryBus()
    await Telling(other, plan(1)).planned()
    async with listening(make_process(tmp_path, other)) as it:
        assert "/runs/1" in await it.page("/")

    await Telling(jetstream_bus, plan(2)).planned()
    async with listening(make_process(tmp_path, jetstream_bus)) as it:
        page = await it.page("/")

    assert "/runs/2" in page
    assert "/runs/1" not in page
