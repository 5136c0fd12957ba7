"""What is kept in memory is there again after the server was: empty, and usable by whoever used it before."""

from __future__ import annotations

import asyncio

from libs.bus.jetstream import JetStreamBus
from libs.bus.port import Consumer, Message
from libs.bus.server import NatsServer
from libs.contracts import subjects

SECONDS = 30.0


async def test_a_consumer_of_a_queue_in_memory_outlives_the_server(
    nats_server: NatsServer, jetstream_bus: JetStreamBus
) -> None:
    rung: asyncio.Queue[bytes] = asyncio.Queue()

    async def handler(message: Message) -> None:
        rung.put_nowait(message.stored.data)

    consuming = asyncio.create_task(jetstream_bus.consume(Consumer(subjects.JOBS, "agent-a", ("job.a",)), handler))
    try:
        for number in range(3):
            await jetstream_bus.enqueue("job.a", str(number).encode(), message_id=str(number))
            assert await asyncio.wait_for(rung.get(), SECONDS) == str(number).encode()
            await nats_server.kill()
            await nats_server.start()
    finally:
        assert not consuming.done()
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)


async def test_a_lease_can_be_taken_again(nats_server: NatsServer, jetstream_bus: JetStreamBus) -> None:
    bucket = jetstream_bus.key_value(subjects.ACTIVE)
    revision = await bucket.create("scheduler", b"a", 5)
    assert revision is not None
    await nats_server.kill()
    await nats_server.start()
    async with asyncio.timeout(SECONDS):
        assert await bucket.update("scheduler", b"a", revision, 5) is None
        assert await bucket.create("scheduler", b"b", 5)
