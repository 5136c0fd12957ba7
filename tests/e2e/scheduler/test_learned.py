"""What the learner advises and a repository opts into reaches the jobs: through the log, into orders and verdicts."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from libs.contracts import envelope, subjects
from libs.contracts.advice import Advice, AdviceGiven, AdviceMeasured
from libs.contracts.ids import Cause, HostId, RepositoryId, RunId, commit_id
from libs.contracts.opt_ins import OptIns, OptInsDeclared
from libs.contracts.orders import JobOrder
from libs.contracts.plan import Repository
from libs.contracts.run import JobAssigned, JobFinished, TimeoutAdjusted
from tests.e2e.scheduler.fake_agent import Act, FakeAgent
from tests.e2e.scheduler.world import World, types, world
from tests.unit.services.scheduler.advised import expected, flaky, limit
from tests.unit.services.scheduler.story import job, plan

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OWN = Repository(RepositoryId(1), "octo", "demo")
FLOOR = {"FIREBREAK_TIMEOUT_FLOOR_S": "1"}


async def tell(w: World, subject: str, *events: msgspec.Struct) -> int:
    last = await w.bus.last(subject)
    place = 0 if last is None else last.seq
    commit = envelope.commit(
        id=commit_id(subject, place), source="test", subject=subject, cause=Cause("test"), now=NOON, events=list(events)
    )
    return await w.bus.append(commit, expected=place)


async def advise(w: World, *advice: Advice) -> int:
    measured = AdviceMeasured("timeout", "p", limit("a", 1).job, "", NOON, NOON, 1, 0, 1, 0)
    return await tell(w, subjects.advice(OWN.id), AdviceGiven(1, advice), measured)


async def opt_in(w: World, **opt_ins: object) -> None:
    await tell(w, subjects.opt_ins(OWN.id), OptInsDeclared(OWN, "refs/heads/main", "a" * 40, NOON, OptIns(**opt_ins)))


async def finished(w: World, run_id: RunId) -> JobFinished:
    return [event for event in await w.events(run_id) if isinstance(event, JobFinished)][-1]


async def test_a_hang_is_ended_by_a_learned_limit_and_a_flaky_job_passes_on_its_second_attempt():
    def script(order: JobOrder) -> Act:
        if order.job == "hangs":
            return Act(seconds=60)
        return Act("failure" if order.n == 1 else "success")

    async with world() as w:
        agent = await w.start_agent(FakeAgent(w.bus, script=script))
        await opt_in(w, timeouts="apply", retry_flaky=1)
        position = await advise(w, limit("hangs", 1.2), flaky("shaky"))
        w.start_scheduler(**FLOOR)
        shaky = await w.plan(plan(job("shaky"), run_id=1))
        hangs = await w.plan(plan(job("hangs"), run_id=2))
        assert (await w.until_over(shaky)).why == "shaky passed on attempt 2, known flaky"
        assert (await w.until_over(hangs)).conclusion == "timeout"
        assert [order.timeout_ms for order in agent.orders if order.job == "hangs"] == [1_200]
        (adjusted,) = [event for event in await w.events(hangs) if isinstance(event, TimeoutAdjusted)]
        assert (adjusted.from_ms, adjusted.to_ms, adjusted.evidence.position) == (360 * 60_000, 1_200, position)
        assert "the learned limit of 1.2 s" in (await finished(w, hangs)).why
        assert (await finished(w, shaky)).retries == 1


async def test_the_floor_and_what_is_forbidden_are_the_schedulers_own_business():
    async with world() as w:
        agent = await w.start_agent(FakeAgent(w.bus, script=lambda order: Act("failure")))
        await opt_in(w, timeouts="apply", retry_flaky=3)
        await advise(w, limit("a", 0.5), flaky("a"))
        w.start_scheduler(FIREBREAK_TIMEOUT_FLOOR_S="600", FIREBREAK_FORBID="retries")
        await w.until_over(await w.plan(plan(job("a"))))
        assert [order.timeout_ms for order in agent.orders] == [600_000]


async def test_advice_and_opt_ins_of_any_time_count_the_newest_of_each():
    async with world() as w:
        agent = await w.start_agent(FakeAgent(w.bus))
        w.start_scheduler(**FLOOR)
        limits: list[int] = []
        for number, (mode, seconds) in enumerate((("shadow", 60), ("apply", 60), ("apply", 90), ("shadow", 90)), 1):
            await opt_in(w, timeouts=mode)
            await advise(w, limit("a", seconds))
            await w.until_over(await w.plan(plan(job("a"), run_id=number)))
            limits.append(agent.orders[-1].timeout_ms)
        assert limits == [21_600_000, 60_000, 90_000, 21_600_000]


async def test_what_was_read_before_a_restart_is_read_again_before_anything_is_decided():
    async with world() as w:
        agent = await w.start_agent(FakeAgent(w.bus))
        for seconds in (10, 20, 30):
            await advise(w, limit("a", seconds))
        await opt_in(w, timeouts="apply")
        runs = [await w.plan(plan(job("a"), run_id=number)) for number in range(1, 6)]
        w.start_scheduler(**FLOOR)
        for run_id in runs:
            await w.until_over(run_id)
        assert {order.timeout_ms for order in agent.orders} == {30_000}


async def test_what_cannot_be_read_changes_nothing():
    class Unheard(msgspec.Struct, frozen=True, tag="AdviceOfTomorrow"):
        word: str = "?"

    async with world() as w:
        agent = await w.start_agent(FakeAgent(w.bus))
        await opt_in(w, timeouts="apply")
        await tell(w, subjects.advice(OWN.id), Unheard(), AdviceGiven(1, (limit("a", 60),)))
        await tell(w, "ev.advice.nobody", AdviceGiven(1, ()))
        await tell(w, subjects.ADVICE_FOR_HOSTS, AdviceGiven(1, ()))
        w.start_scheduler(**FLOOR)
        await w.until_over(await w.plan(plan(job("a"), run_id=1)))
        await tell(w, subjects.advice(OWN.id), Unheard())
        await tell(w, subjects.opt_ins(OWN.id), Unheard())
        await w.until_over(await w.plan(plan(job("a"), run_id=2)))
        assert [order.timeout_ms for order in agent.orders] == [60_000, 60_000]


async def test_the_longest_chain_goes_first_on_a_host_with_one_slot():
    async with world() as w:
        await w.start_agent(FakeAgent(w.bus, slots=1))
        await advise(w, expected("b", 60), expected("c", 90), expected("a", 1))
        w.start_scheduler(**FLOOR)
        run_id = await w.plan(plan(job("a"), job("b"), job("c"), job("d")))
        await w.until_over(run_id)
        given = [event for event in await w.events(run_id) if isinstance(event, JobAssigned)]
        assert [event.job for event in given] == ["c", "b", "a", "d"]
        assert {event.host for event in given} == {HostId("h1")}


async def test_two_schedulers_that_know_different_things_store_one_decision():
    async with world() as w:
        await w.start_agent(FakeAgent(w.bus, script=lambda order: Act("failure" if order.n == 1 else "success")))
        await opt_in(w, timeouts="apply", retry_flaky=1)
        w.start_scheduler(lease=False, **FLOOR)
        w.start_scheduler(lease=False, **FLOOR)
        for number in range(1, 11):
            await advise(w, limit("a", 60 + number), flaky("a"))
            run_id = await w.plan(plan(job("a"), run_id=number))
            assert (await w.until_over(run_id)).conclusion == "success"
            told = types(await w.events(run_id))
            assert [told.count(name) for name in ("JobAssigned", "JobFinished", "RunFinished")] == [2, 1, 1]
