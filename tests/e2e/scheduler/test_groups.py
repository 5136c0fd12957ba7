"""Concurrency groups through the real scheduler, on a bus in memory and on NATS, and with two of it at once."""

from __future__ import annotations

import pytest

from libs.bus.port import Bus, Stored
from libs.contracts import envelope, subjects
from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.plan import Concurrency
from libs.contracts.run import JobFinished, JobQueued, RunEvent
from services.scheduler.shell.decoding import group_change
from tests.e2e.scheduler.fake_agent import Act, FakeAgent
from tests.e2e.scheduler.world import World, run_events, types, world
from tests.unit.services.scheduler.story import job, matrix, plan


async def log_of_runs(w: World) -> list[tuple[RunId, RunEvent]]:
    """Of all runs, in the order in which it was stored."""
    return [
        (subjects.parse_run(stored.subject).run_id, event)
        for stored in await w.bus.load(subjects.ALL_RUNS)
        for event in run_events(stored)
    ]


async def group(w: World, name: str) -> list[Stored]:
    return await w.bus.load(subjects.group(RepositoryId(1), name))


def most_at_once(events: list[tuple[RunId, RunEvent]]) -> int:
    inside: set[tuple[RunId, str]] = set()
    most = 0
    for run_id, event in events:
        if isinstance(event, JobQueued):
            inside.add((run_id, event.job))
        elif isinstance(event, JobFinished):
            inside.discard((run_id, event.job))
        most = max(most, len(inside))
    return most


@pytest.mark.row("jobs: concurrency queue")
async def test_runs_of_one_group_go_one_by_one_in_the_order_of_their_coming(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.05)))
        ids = [await w.plan(plan(job("a"), run_id=n, concurrency=Concurrency("g", queue="max"))) for n in range(1, 7)]
        for run_id in ids:
            assert (await w.until_over(run_id)).conclusion == "success"
        events = await log_of_runs(w)
        assert most_at_once(events) == 1
        assert [run_id for run_id, event in events if isinstance(event, JobQueued)] == ids
        await w.until(lambda: _is_empty(w, "g"))


@pytest.mark.row("jobs: concurrency of workflows")
async def test_the_newest_that_waits_takes_the_place_of_the_one_before(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=1)))
        ids = [await w.plan(plan(job("a"), run_id=n, concurrency=Concurrency("${{ github.ref }}"))) for n in (1, 2, 3)]
        ends = [await w.until_over(run_id) for run_id in ids]
        assert [end.conclusion for end in ends] == ["success", "cancellation", "success"]
        assert ends[1].why == "superseded by run 3 in the concurrency group refs/heads/main"


@pytest.mark.row("jobs: concurrency of workflows")
async def test_cancel_in_progress_stops_the_one_that_runs_and_waits_for_its_end(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        agent = await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=60 if order.run_id == 1 else 0)))
        wanted = Concurrency("g", cancel_in_progress=True)
        first = await w.plan(plan(job("a"), job("z", needs=("a",), if_="always()"), run_id=1, concurrency=wanted))
        await w.until(lambda: _started(agent))
        second = await w.plan(plan(job("a"), run_id=2, concurrency=wanted))
        agent.script = lambda order: Act()
        assert (await w.until_over(first)).conclusion == "cancellation"
        assert (await w.until_over(second)).conclusion == "success"
        events = await log_of_runs(w)
        assert most_at_once(events) == 1
        assert types([event for run_id, event in events if run_id == first]).count("JobFinished") == 2


@pytest.mark.row("jobs: concurrency of jobs")
async def test_jobs_of_a_matrix_and_of_other_runs_share_a_group(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.02)))
        gated = Concurrency("deploy", queue="max")
        jobs = (job("m", strategy=matrix({"n": [1, 2, 3]}), concurrency=gated),)
        ids = [await w.plan(plan(*jobs, run_id=n)) for n in (1, 2)]
        for run_id in ids:
            assert (await w.until_over(run_id)).conclusion == "success"
        assert most_at_once(await log_of_runs(w)) == 1


async def test_two_active_at_once_let_one_in(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler(lease=False)
        w.start_scheduler(lease=False)
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.02)))
        ids = [await w.plan(plan(job("a"), run_id=n, concurrency=Concurrency("g", queue="max"))) for n in range(1, 9)]
        for run_id in ids:
            assert (await w.until_over(run_id, seconds=20)).conclusion == "success"
        assert most_at_once(await log_of_runs(w)) == 1


async def test_a_scheduler_that_dies_between_the_group_and_the_job_leaves_nothing_undone(bus: Bus):
    """The group's log says that the run holds it, and the run's says nothing yet: the next one goes on from there."""
    async with world(bus=bus) as w:
        first = w.start_scheduler()
        run_id = await w.plan(plan(job("a"), run_id=1, concurrency=Concurrency("g")))
        await w.until(lambda: _changed(w, "g"))
        first.cancel()
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        assert (await w.until_over(run_id)).conclusion == "success"


async def test_a_rerun_enters_anew_and_a_holder_that_is_over_is_put_out(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        run_id = await w.plan(plan(job("a"), run_id=1, concurrency=Concurrency("g")))
        await w.until_over(run_id)
        await w.rerun(run_id)
        assert (await w.until_over(run_id, 2)).conclusion == "success"
        await w.until(lambda: _is_empty(w, "g"))
        holders = [group_change(stored).holder for stored in await group(w, "g")]
        assert [holder.run_attempt for holder in holders if holder is not None] == [1, 2]


async def test_who_waits_can_be_cancelled_and_lets_the_next_one_pass(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.5)))
        ids = [await w.plan(plan(job("a"), run_id=n, concurrency=Concurrency("g", queue="max"))) for n in (1, 2, 3)]
        await w.until(lambda: _pending(w, "g", 2))
        await w.cancel(ids[1])
        ends = [(await w.until_over(run_id)).conclusion for run_id in ids]
        assert ends == ["success", "cancellation", "success"]


async def test_a_group_that_nobody_can_read_does_not_stop_the_others(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        assert (await w.until_over(await w.plan(plan(job("a"), run_id=1)))).conclusion == "success"
        assert await group(w, "g") == []
        run_id = await w.plan(plan(job("a"), run_id=2, concurrency=Concurrency("g")))
        assert (await w.until_over(run_id)).conclusion == "success"
        stored = (await group(w, "g"))[0]
        assert envelope.decode_commit(stored.data).cause == "guid"


async def test_runs_that_wait_for_each_other_in_a_circle_come_to_an_end(bus: Bus):
    async with world(bus=bus) as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.3)))
        ids = []
        for number, (own, other) in enumerate((("g1", "g2"), ("g2", "g1")), 1):
            jobs = (job("a"), job("b", needs=("a",), concurrency=Concurrency(other)))
            ids.append(await w.plan(plan(*jobs, run_id=number, concurrency=Concurrency(own))))
        ends = [(await w.until_over(run_id)).conclusion for run_id in ids]
        assert sorted(ends) == ["cancellation", "success"]
        finished = [event for _, event in await log_of_runs(w) if isinstance(event, JobFinished)]
        assert any("a deadlock" in event.why for event in finished)


async def _changed(w: World, name: str) -> bool:
    return bool(await group(w, name))


async def _is_empty(w: World, name: str) -> bool:
    state = group_change((await group(w, name))[-1])
    return state.holder is None and not state.pending and not state.ousted


async def _pending(w: World, name: str, count: int) -> bool:
    states = await group(w, name)
    return bool(states) and len(group_change(states[-1]).pending) == count


async def _started(agent: FakeAgent) -> bool:
    return bool(agent.stops)
