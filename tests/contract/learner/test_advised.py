"""The learner as a service: it advises once it has read the log, and says nothing twice over when it starts again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Stored
from libs.contracts import run, subjects
from libs.contracts.advice import AdviceGiven, AdviceMeasured, DurationAdvice, TimeoutAdvice
from libs.contracts.ids import JobKey, RepositoryId
from libs.process import Process
from libs.settings import read_settings
from libs.views.standing import Standing, standing
from services.learner.__main__ import serve
from tests.contract.learner.conftest import Learned
from tests.fakes.history import History

SUBJECT = subjects.advice(RepositoryId(5))


@asynccontextmanager
async def learning(bus: MemoryBus, home: Path) -> AsyncGenerator[None]:
    settings = read_settings({"FIREBREAK_HOME": str(home), "FIREBREAK_TIMEOUT_FLOOR_S": "1"})
    task = asyncio.ensure_future(serve(Process(settings, bus, MemoryBlobs())))
    try:
        yield
    finally:
        assert not task.done(), task.exception()
        task.cancel()
        await asyncio.wait([task])


async def advised(bus: MemoryBus, holds: Callable[[Standing], bool]) -> Standing:
    """What stands as soon as that is so."""
    async with asyncio.timeout(20):
        while True:
            stored = await bus.last(SUBJECT)
            if stored is not None and holds(stands := standing(stored, stored.time)):
                return stands
            await asyncio.sleep(0.02)


async def said(bus: MemoryBus) -> list[Stored]:
    return await bus.load("ev.advice.*")


async def test_advice_is_given_once_and_not_again_after_a_restart(tmp_path: Path) -> None:
    bus = MemoryBus()
    history = History(bus)
    for number in range(1, 5):
        await history.one_run(number, sha=f"{number:040}").whole()
    async with learning(bus, tmp_path):
        stands = await advised(bus, lambda stands: stands.seq > 0)
        pieces = {type(piece): piece for piece in stands.given.advice}
        assert set(pieces) == {DurationAdvice, TimeoutAdvice}
        limit = pieces[TimeoutAdvice]
        assert isinstance(limit, TimeoutAdvice)
        assert (limit.limit_ms, limit.n, limit.job) == (1000, 4, "build")
        await asyncio.sleep(0.5)
    async with learning(bus, tmp_path):
        await asyncio.sleep(1.0)
    assert len(await said(bus)) == 1


async def test_a_kill_doubles_the_limit_of_the_next_attempt(tmp_path: Path) -> None:
    bus = MemoryBus()
    history = History(bus)
    for number in range(1, 5):
        await history.one_run(number, sha=f"{number:040}").whole()
    async with learning(bus, tmp_path):
        before = await advised(bus, lambda stands: stands.seq > 0)
        killed = history.one_run(9)
        evidence = run.TimeoutEvidence(before.seq, "cold", 4, 100.0)
        await killed.planned()
        await killed.queued("build")
        await killed.say(run.TimeoutAdjusted(JobKey("build"), 60_000, 1000, evidence))
        await killed.started("build")
        await killed.finished("build", "timeout", ms=1000)
        after = await advised(bus, lambda stands: stands.seq > before.seq)
    (limit,) = [piece for piece in after.given.advice if isinstance(piece, TimeoutAdvice)]
    assert (limit.limit_ms, limit.kills) == (2000, 1)
    assert [each.applied for each in after.measured.values() if each.kind == "timeout"] == [1]
    assert len(await said(bus)) == 2


async def test_totals_of_effects_are_not_added_to_each_other(learned: Learned) -> None:
    began, later = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    for since, seen in ((began, 3), (began, 5), (later, 1)):
        total = AdviceMeasured("timeout", "ci.yml", JobKey("build"), "", since, later, seen, 0, seen, 0)
        await learned.history.append(SUBJECT, AdviceGiven(1, ()), total)
    await learned.learn()
    assert learned.rows("SELECT count(*), sum(seen)::BIGINT FROM advice_effects") == [(2, 6)]
