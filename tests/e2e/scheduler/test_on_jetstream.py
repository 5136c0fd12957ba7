"""The same service on a real NATS server."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from libs.bus.jetstream import JetStreamBus
from libs.bus.port import Stored
from libs.contracts import subjects
from libs.contracts.commands import RerunRun
from libs.contracts.ids import CommandId, RunId
from libs.contracts.plan import CalledWorkflow
from libs.contracts.run import JobAssigned
from libs.contracts.subjects import CHECKPOINTS, EVENTS
from services.scheduler.shell import checkpoint
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.index import Index
from services.scheduler.shell.reader import Reader
from tests.e2e.scheduler.fake_agent import Act, FakeAgent
from tests.e2e.scheduler.world import types, world
from tests.unit.services.scheduler.story import job, matrix, plan


async def test_runs_go_through_and_a_standby_takes_over(jetstream_bus: JetStreamBus):
    async with world(bus=jetstream_bus) as w:
        first = w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, slots=8))
        jobs = (job("a"), job("m", needs=("a",), strategy=matrix({"n": [1, 2, 3]})), job("z", needs=("m",)))
        ids = [await w.plan(plan(*jobs, run_id=n)) for n in range(1, 11)]
        for run_id in ids[:5]:
            assert (await w.until_over(run_id)).conclusion == "success"
        first.cancel()
        w.start_scheduler()
        for run_id in ids:
            assert (await w.until_over(run_id)).conclusion == "success"
            assert types(await w.events(run_id)).count("RunFinished") == 1


async def test_a_deadline_cancel_and_rerun(jetstream_bus: JetStreamBus):
    async with world(bus=jetstream_bus) as w:
        w.start_scheduler()
        acts = iter([Act(seconds=60)])
        await w.start_agent(FakeAgent(w.bus, script=lambda order: next(acts, Act())))
        run_id = await w.plan(plan(job("a", timeout_minutes=0.01)))
        assert (await w.until_over(run_id)).conclusion == "timeout"
        await w.rerun(run_id)
        assert (await w.until_over(run_id, 2)).conclusion == "success"
        assert [event.n for event in await w.events(run_id) if isinstance(event, JobAssigned)] == [1, 2]


async def test_two_active_at_once(jetstream_bus: JetStreamBus):
    async with world(bus=jetstream_bus) as w:
        w.start_scheduler(lease=False)
        w.start_scheduler(lease=False)
        for number in range(2):
            await w.start_agent(FakeAgent(w.bus, f"h{number}", slots=3))
        ids = [await w.plan(plan(job("m", strategy=matrix({"n": list(range(5))})), run_id=n)) for n in range(1, 6)]
        for run_id in ids:
            assert (await w.until_over(run_id, seconds=20)).conclusion == "success"
            events = types(await w.events(run_id))
            assert (events.count("RunFinished"), events.count("JobFinished")) == (1, 5)


async def test_a_restart_goes_on_from_the_checkpoint(jetstream_bus: JetStreamBus):
    """What is before the checkpoint is not read again: a run that was over there is not known any more."""
    async with world(bus=jetstream_bus) as w:
        first = w.start_scheduler()
        agent = FakeAgent(w.bus, script=lambda order: Act(seconds=1 if order.run_id == 99 else 0))
        await w.start_agent(agent)
        await w.plan(plan(job("slow"), job("z", needs=("slow",)), run_id=99))
        await w.until_over(await w.plan(plan(job("a"), run_id=1)))
        first.cancel()
        index = Index()
        reader = Reader(index, w.bus, w.blobs, Clocks(), {})
        async for message in w.bus.tail(EVENTS, ("ev.>",), 0, follow=False):
            if isinstance(message, Stored):
                await reader.fold(message)
        index.drop(RunId(1))
        extent = await w.bus.extent(EVENTS)
        assert await checkpoint.write(w.bus.key_value(CHECKPOINTS), index, extent)
        found = await checkpoint.read(w.bus.key_value(CHECKPOINTS), extent)
        assert (found.seq, found.runs, [host.id for host in found.hosts]) == (index.position, (99,), ["h1"])
        w.start_scheduler()
        assert (await w.until_over(99)).conclusion == "success"
        assert len(await w.bus.load(subjects.any_run(99))) == 4


async def test_called_workflows_across_a_change_of_schedulers_and_a_rerun(jetstream_bus: JetStreamBus):
    """Two levels over a matrix; the second scheduler learns all of it from the log."""
    inner = CalledWorkflow("octo/demo", "i.yml", "main", "a" * 40, "i", (job("x"), job("y", needs=("x",))))
    outer = CalledWorkflow("octo/demo", "o.yml", "main", "a" * 40, "o", (job("c", steps=0, uses="i", calls="i"),))
    jobs = (
        job("m", steps=0, uses="o", calls="o", strategy=matrix({"n": [1, 2]})),
        job("z", needs=("m",)),
    )
    async with world(bus=jetstream_bus) as w:
        first = w.start_scheduler()
        bad = iter([Act("failure", seconds=0.3)])
        script = lambda order: next(bad, Act()) if order.planned.id == "y" else Act(seconds=0.2)  # noqa: E731
        await w.start_agent(FakeAgent(w.bus, slots=8, script=script))
        run_id = await w.plan(plan(*jobs, called={"o": outer, "i": inner}))

        async def called() -> bool:
            return types(await w.events(run_id)).count("CallExpanded") == 4

        await w.until(called)
        first.cancel()
        w.start_scheduler()
        assert (await w.until_over(run_id)).conclusion == "failure"
        await w.command(RerunRun(CommandId("r1"), run_id, "octocat", failed=True))
        assert (await w.until_over(run_id, 2)).conclusion == "success"


async def test_a_checkpoint_of_another_stream_is_none(jetstream_bus: JetStreamBus):
    bucket, extent = jetstream_bus.key_value(CHECKPOINTS), await jetstream_bus.extent(EVENTS)
    await checkpoint.write(bucket, Index(), extent)
    assert await checkpoint.read(bucket, extent) is not None
    assert await checkpoint.read(bucket, replace(extent, created=extent.created + timedelta(seconds=1))) is None
    await bucket.put("scheduler", b"not a checkpoint")
    assert await checkpoint.read(bucket, extent) is None
