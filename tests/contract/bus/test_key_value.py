from __future__ import annotations

import asyncio

from libs.bus.port import Bus


async def test_a_value_is_created_once_and_updated_by_its_revision(bus: Bus) -> None:
    bucket = bus.key_value("ACTIVE")
    assert await bucket.get("scheduler") is None
    first = await bucket.create("scheduler", b"one")
    assert first is not None
    assert await bucket.create("scheduler", b"two") is None
    assert await bucket.get("scheduler") == (b"one", first)
    second = await bucket.update("scheduler", b"three", first)
    assert second is not None
    assert second > first
    assert await bucket.update("scheduler", b"late", first) is None
    assert await bucket.get("scheduler") == (b"three", second)


async def test_put_overwrites_and_delete_makes_room(bus: Bus) -> None:
    bucket = bus.key_value("CHECKPOINTS")
    first = await bucket.put("learner", b"1")
    second = await bucket.put("learner", b"2")
    assert second > first
    assert await bucket.get("learner") == (b"2", second)
    await bucket.delete("learner")
    await bucket.delete("learner")
    assert await bucket.get("learner") is None
    assert await bucket.update("learner", b"3", second) is None
    assert await bucket.create("learner", b"4") is not None


async def test_of_many_who_create_a_value_one_does(bus: Bus) -> None:
    bucket = bus.key_value("ACTIVE")
    results = await asyncio.gather(*(bucket.create("lease", str(number).encode()) for number in range(20)))
    winners = [number for number, revision in enumerate(results) if revision is not None]
    assert len(winners) == 1
    value = await bucket.get("lease")
    assert value is not None
    assert value[0] == str(winners[0]).encode()


async def test_a_lease_ends_unless_it_is_renewed(bus: Bus) -> None:
    bucket = bus.key_value("ACTIVE")
    revision = await bucket.create("lease", b"me", ttl_seconds=1)
    assert revision is not None
    await bucket.create("kept", b"me")
    for _ in range(3):
        await asyncio.sleep(0.5)
        revision = await bucket.update("lease", b"me", revision, ttl_seconds=1)
        assert revision is not None
    async with asyncio.timeout(5):
        while await bucket.get("lease") is not None:
            await asyncio.sleep(0.05)
    assert await bucket.update("lease", b"me", revision, ttl_seconds=1) is None
    assert await bucket.create("lease", b"other", ttl_seconds=1) is not None
    assert await bucket.get("kept") is not None


async def test_keys_and_buckets_are_apart(bus: Bus) -> None:
    await bus.key_value("ACTIVE").put("a.b", b"1")
    await bus.key_value("ACTIVE").put("a", b"2")
    assert await bus.key_value("CHECKPOINTS").get("a") is None
    value = await bus.key_value("ACTIVE").get("a.b")
    assert value is not None
    assert value[0] == b"1"
