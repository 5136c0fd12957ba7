"""The scheduler as a service: real loop, real bus rules (in memory), agents that answer honestly."""

from __future__ import annotations

import asyncio

import msgspec

from libs.contracts import envelope, subjects
from libs.contracts.commands import RerunRun
from libs.contracts.ids import CommandId
from libs.contracts.orders import JobOrder
from libs.contracts.run import CommandRejected, JobAssigned, JobFinished, JobSkipped, RunFinished
from libs.contracts.size import Size
from services.scheduler.policy import LOCAL
from tests.e2e.scheduler.fake_agent import Act, FakeAgent
from tests.e2e.scheduler.world import types, world
from tests.unit.services.scheduler.story import job, matrix, plan


async def test_a_run_goes_through_in_two_commits_of_the_scheduler():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        run_id = await w.plan(plan(job("build", steps=2)))
        end = await w.until_over(run_id)
        assert (end.conclusion, end.steps_run) == ("success", 2)
        stored = await w.bus.load(subjects.any_run(run_id))
        assert len(stored) == 3
        assert types(await w.events(run_id)) == [
            "RunPlanned", "RunStarted", "JobQueued", "JobAssigned", "JobFinished", "RunFinished",
        ]  # fmt: skip


async def test_the_order_holds_the_contexts():
    async with world() as w:
        agent = FakeAgent(w.bus, script=lambda order: Act(outputs={"x": "1"}))
        w.start_scheduler()
        await w.start_agent(agent)
        jobs = (job("a"), job("b", needs=("a",), strategy=matrix({"n": [3]})))
        await w.until_over(await w.plan(plan(*jobs, inputs={"i": 1}, vars={"v": "2"})))
        order = agent.orders[-1]
        assert order.needs == {"a": {"result": "success", "outputs": {"x": "1"}}}
        assert order.matrix == {"n": 3}
        assert order.strategy == {"fail-fast": True, "job-index": 0, "job-total": 1, "max-parallel": 1}
        assert (order.inputs, order.vars, order.name) == ({"i": 1}, {"v": "2"}, "b (3)")
        assert order.github["run_attempt"] == "1"
        assert order.cause == "guid"


async def test_a_plan_in_a_blob_is_loaded():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        planned = plan(job("a"))
        blob = await w.blobs.put(envelope.encode(planned))
        assert (await w.until_over(await w.plan(planned, blob=blob))).conclusion == "success"


async def test_a_plan_whose_blob_is_gone_ends_in_error_and_others_go_on():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        blob = await w.blobs.put(b"gone")
        await w.blobs.delete(blob)
        bad = await w.plan(plan(job("a"), run_id=1), blob=blob)
        good = await w.plan(plan(job("a"), run_id=2))
        assert (await w.until_over(good)).conclusion == "success"
        end = await w.until_over(bad)
        assert end.conclusion == "error"
        assert "blob" in end.why.lower()


async def test_a_lost_step_is_an_error():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(lose_step=1)))
        end = await w.until_over(await w.plan(plan(job("a", steps=3))))
        assert end.conclusion == "error"


async def test_refused_jobs_go_on_when_the_host_has_room_again():
    refusals = iter(["full", "full"])
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(refuse=next(refusals, ""))))
        run_id = await w.plan(plan(job("a")))
        assert (await w.until_over(run_id)).conclusion == "success"
        assert [e.n for e in await w.events(run_id) if isinstance(e, JobAssigned)] == [1, 2, 3]


async def test_cancel_reaches_the_agent_and_the_run_ends():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=60 if order.job == "a" else 0.5)))
        run_id = await w.plan(plan(job("a"), job("b", needs=("a",)), job("c", needs=("a",), if_="always()")))
        await w.until(lambda: _has(w, run_id, "AttemptStarted"))
        await w.cancel(run_id)
        await w.until(lambda: _count(w, run_id, "AttemptStarted", 2))
        await w.cancel(run_id, "c2")
        end = await w.until_over(run_id)
        assert end.conclusion == "cancellation"
        events = await w.events(run_id)
        assert [e.job for e in events if isinstance(e, JobSkipped)] == ["b"]
        assert {e.job: e.outcome for e in events if isinstance(e, JobFinished)} == {"a": "cancellation", "c": "success"}
        assert any(isinstance(event, CommandRejected) and event.command == "c2" for event in events)


async def test_the_same_command_twice_decides_once():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus))
        run_id = await w.plan(plan(job("a")))
        await w.until_over(run_id)
        for copy in ("one", "two", "three"):
            await w.command(RerunRun(CommandId("r1"), run_id, "octocat"), message_id=copy)
        await w.until_over(run_id, 2)
        await asyncio.sleep(0.2)
        events = await w.events(run_id)
        assert types(events).count("RunRerun") == 1
        assert [event.run_attempt for event in events if isinstance(event, RunFinished)] == [1, 2]
        assert [event.n for event in events if isinstance(event, JobAssigned)] == [1, 2]


async def test_a_command_to_a_run_that_is_not_there_is_a_dead_letter():
    async with world() as w:
        w.start_scheduler()
        await w.cancel(plan(job("a")).run_id)
        await w.until(lambda: _dead(w))


async def test_a_standby_takes_over_and_nothing_happens_twice():
    async with world() as w:
        first = w.start_scheduler()
        await asyncio.sleep(0.1)
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.5)))
        run_id = await w.plan(plan(job("a"), job("b", needs=("a",))))
        await w.until(lambda: _has(w, run_id, "AttemptStarted"))
        first.cancel()
        end = await w.until_over(run_id)
        assert end.conclusion == "success"
        assert types(await w.events(run_id)).count("RunFinished") == 1


async def test_a_restarted_scheduler_goes_on():
    async with world() as w:
        first = w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.3)))
        run_id = await w.plan(plan(job("a"), job("b", needs=("a",))))
        await w.until(lambda: _has(w, run_id, "AttemptStarted"))
        first.cancel()
        await asyncio.sleep(0.5)
        w.start_scheduler()
        assert (await w.until_over(run_id)).conclusion == "success"


async def test_two_active_schedulers_and_every_attempt_has_one_owner():
    async with world() as w:
        w.start_scheduler(lease=False)
        w.start_scheduler(lease=False)
        agents = [FakeAgent(w.bus, f"h{n}", slots=3) for n in range(3)]
        for agent in agents:
            await w.start_agent(agent)
        ids = [await w.plan(plan(job("m", strategy=matrix({"n": list(range(6))})), run_id=n)) for n in range(1, 9)]
        for run_id in ids:
            assert (await w.until_over(run_id)).conclusion == "success"
            events = await w.events(run_id)
            assert types(events).count("RunFinished") == 1
            assert types(events).count("JobFinished") == 6
            owners: dict[tuple[str, str], list[str]] = {}
            for subject in await w.attempts(run_id):
                address = subjects.parse_attempt(subject)
                owners.setdefault((address.job, address.n), []).append(address.host)
            assert all(len(hosts) == 1 for hosts in owners.values())


async def test_a_local_run_ends_a_job_that_no_host_serves():
    async with world() as w:
        await w.start_agent(FakeAgent(w.bus))
        w.start_scheduler(policy=LOCAL)
        run_id = await w.plan(plan(job("a", runs_on="windows")))
        assert (await w.until_over(run_id)).conclusion == "error"
        ends = [event for event in await w.events(run_id) if isinstance(event, JobFinished)]
        assert ends[0].why == "no host has the label windows"


async def test_jobs_whose_machines_do_not_fit_beside_each_other_run_one_after_the_other():
    async with world() as w:
        together: list[int] = []

        def script(order: JobOrder) -> Act:
            together.append(agent.busy)
            return Act(seconds=0.1)

        w.start_scheduler()
        machines = {"largest": Size(4, 4096), "usual": Size(1, 1024), "memory_mib": 4096}
        agent = FakeAgent(w.bus, script=script)
        await w.start_agent(agent, **machines)
        jobs = [job(name, runs_on=["ubuntu-latest", "firebreak-1cpu-3gb"]) for name in ("a", "b", "c")]
        end = await w.until_over(await w.plan(plan(*jobs)))
        assert end.conclusion == "success"
        assert {order.labels for order in agent.orders} == {("ubuntu-latest", "firebreak-1cpu-3gb")}
        assert together == [1, 1, 1]


async def test_a_size_that_no_host_offers_is_an_error_with_what_there_is():
    async with world() as w:
        await w.start_agent(FakeAgent(w.bus), largest=Size(2, 16_384), memory_mib=20_000)
        w.start_scheduler(policy=LOCAL)
        run_id = await w.plan(plan(job("a", runs_on=["ubuntu-latest", "firebreak-8cpu-32gb"])))
        assert (await w.until_over(run_id)).conclusion == "error"
        (end,) = [event for event in await w.events(run_id) if isinstance(event, JobFinished)]
        assert end.why == "it asks for 8cpu-32gb, and no host offers that: h1 up to 2cpu-16gb"


async def test_a_deadline_cancels_and_the_job_times_out():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=60)))
        run_id = await w.plan(plan(job("a", timeout_minutes=0.005)))
        assert (await w.until_over(run_id)).conclusion == "timeout"


async def test_a_new_boot_of_a_host_loses_its_attempts_at_once():
    async with world() as w:
        w.start_scheduler()
        acts = iter([Act(die_after_start=True)])
        agent = await w.start_agent(FakeAgent(w.bus, script=lambda order: next(acts, Act())))
        run_id = await w.plan(plan(job("a")))
        await w.until(lambda: _has(w, run_id, "AttemptStarted"))
        agent.boot = "reborn"
        await agent.join()
        assert (await w.until_over(run_id)).conclusion == "success"
        lost = [
            e for events in (await w.attempts(run_id)).values() for e in events if type(e).__name__ == "AttemptLost"
        ]
        assert [event.why for event in lost] == ["host h1 came back as another boot"]


async def test_an_unknown_event_halts_its_run_and_no_other():
    async with world() as w:
        w.start_scheduler()
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act(seconds=0.3)))
        odd = await w.plan(plan(job("a"), run_id=1))
        await w.until(lambda: _has(w, odd, "AttemptStarted"))

        class Novelty(msgspec.Struct, frozen=True, tag="Novelty"):
            pass

        last = (await w.bus.load(subjects.any_run(odd)))[-1]
        commit = envelope.commit(
            id="x", source="newer", subject=last.subject, cause="c", now=last.time, events=[Novelty()]
        )
        await w.bus.append(commit, expected=last.seq)
        good = await w.plan(plan(job("a"), run_id=2))
        assert (await w.until_over(good)).conclusion == "success"
        names = [envelope.type_of(e) for s in await w.bus.load(subjects.any_run(odd)) for e in _raw(s)]
        assert names[-1] == "Novelty"


def _raw(stored):
    return envelope.decode_commit(stored.data).events


async def _has(w, run_id, name):
    return await _count(w, run_id, name, 1)


async def _count(w, run_id, name, least):
    found = [e for events in (await w.attempts(run_id)).values() for e in events if type(e).__name__ == name]
    return len(found) >= least


async def _dead(w):
    return bool(await w.bus.load("dead.>"))


async def test_operators_see_what_waits_and_what_runs():
    async with world() as w:
        w.start_scheduler(metrics=True)
        await w.start_agent(FakeAgent(w.bus, slots=1, script=lambda order: Act(seconds=5)))
        await w.plan(plan(job("a"), job("b"), job("c")))

        async def shown() -> bool:
            lines = w.metrics.text().decode().splitlines()
            wanted = ("runs 1.0", "queued_jobs 2.0", "attempts 1.0", "active 1.0", "decisions_total 1.0")
            return all(f"firebreak_scheduler_{line}" in lines for line in wanted)

        await w.until(shown)
