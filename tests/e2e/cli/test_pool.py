"""`firebreak pool` against a real NATS, with a host that speaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.bus.jetstream import JetStreamBus
from libs.bus.server import NatsServer
from libs.contracts import subjects
from libs.contracts.envelope import encode
from libs.contracts.host import Heartbeat, PoolState
from libs.contracts.ids import BootId, HostId
from libs.contracts.size import Size
from tests.e2e.cli.test_exit_codes import firebreak

POOL = PoolState("image", Size(1, 2048), "own", target=2, ready=2, hits=3, misses=1, template="key")
BEAT = Heartbeat(HostId("h1"), BootId("b"), 2, 2, pools=(POOL,), warm=("image",))


@pytest.fixture
async def speaking(jetstream_bus: JetStreamBus) -> AsyncIterator[None]:
    async def speak() -> None:
        while True:
            await jetstream_bus.publish(subjects.heartbeat(BEAT.host), encode(BEAT))
            await asyncio.sleep(0.5)

    task = asyncio.create_task(speak())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_pools_of_every_host_that_answers(nats_server: NatsServer, speaking: None, tmp_path: Path) -> None:
    (code, listed, _), (_, shown, _) = await asyncio.gather(
        firebreak(nats_server.url, tmp_path, "pool", "ls", "--json"),
        firebreak(nats_server.url, tmp_path, "pool", "show", "h1"),
    )
    assert code == 0
    (row,) = json.loads(listed)
    assert (row["host"], row["pool"]["ready"], row["hit_rate"]) == ("h1", 2, 0.75)
    assert "own 1cpu-2gb: 2 of 2" in shown
