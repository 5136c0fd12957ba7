from __future__ import annotations

from libs.bus.port import Bus
from tests.contract.bus.story import everything


async def test_after_the_flush_every_batch_is_stored_in_order(bus: Bus) -> None:
    for number in range(500):
        await bus.stream_log("log.h1.7.build.1", str(number).encode())
    await bus.flush_logs()
    stored = await bus.load("log.*.7.build.1")
    assert [message.data for message in stored] == [str(number).encode() for number in range(500)]


async def test_a_log_can_be_tailed(bus: Bus) -> None:
    await bus.stream_log("log.h1.7.build.1", b"a")
    await bus.stream_log("log.h1.8.build.1", b"other")
    await bus.flush_logs()
    messages, _ = await everything(bus.tail("LOGS", ("log.*.7.build.1",), 0, follow=False))
    assert [message.data for message in messages] == [b"a"]


async def test_nothing_to_flush_is_no_error(bus: Bus) -> None:
    await bus.flush_logs()
