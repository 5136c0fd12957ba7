"""One pass at a time for each key, and none too few."""

from __future__ import annotations

import asyncio

import pytest

from services.reporter.desk import Desk


async def test_events_that_come_during_a_pass_share_the_one_that_follows() -> None:
    gate, passes = asyncio.Event(), 0

    async def work(_: str) -> None:
        nonlocal passes
        passes += 1
        await gate.wait()

    desk = Desk(work)
    first = asyncio.create_task(desk.attend("run"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(desk.attend("run")) for _ in range(5)]
    await asyncio.sleep(0)
    assert passes == 1
    gate.set()
    await asyncio.gather(first, *others)
    assert passes == 2


async def test_other_keys_do_not_wait() -> None:
    gate = asyncio.Event()

    async def work(key: str) -> None:
        if key == "slow":
            await gate.wait()

    desk = Desk(work)
    slow = asyncio.create_task(desk.attend("slow"))
    await desk.attend("fast")
    assert not slow.done()
    gate.set()
    await slow


async def test_a_failure_reaches_those_that_waited_for_that_pass_and_nobody_else() -> None:
    async def work(_: str) -> None:
        if not failed:
            failed.append(True)
            raise ValueError("once")

    failed: list[bool] = []
    desk = Desk(work)
    with pytest.raises(ValueError, match="once"):
        await desk.attend("run")
    await desk.attend("run")


async def test_work_may_ask_for_another_pass() -> None:
    seen = asyncio.Event()
    answers: list[float | None] = [None, 0.0]

    async def work(_: str) -> float | None:
        if not answers:
            seen.set()
            return None
        return answers.pop()

    desk = Desk(work)
    await desk.attend("run")
    await asyncio.wait_for(desk.attend("run"), 1)
    await asyncio.wait_for(seen.wait(), 1)
    await desk.close()
