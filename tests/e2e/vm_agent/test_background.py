"""Steps in the background in a real sandbox: what runs at once, what is seen when, and whose failure it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from libs.contracts.attempt import StepStarted
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import Bench, order, step

pytestmark = pytest.mark.row("steps: background, wait, wait-all, cancel, parallel")


def background(run: str, **fields: object) -> dict[str, object]:
    return step(run, background=True, **fields)


def wait(*steps: int, **fields: object) -> dict[str, object]:
    return {**step(None, **fields), "wait": list(steps)}


def cancel(which: int, **fields: object) -> dict[str, object]:
    return {**step(None, **fields), "cancel": which}


async def test_the_next_step_does_not_wait(run_job: RunJob) -> None:
    ran = await run_job(order(background("until [ -e go ]; do sleep 0.02; done; echo gone"), step("touch go"), wait(0)))
    assert ran.printed(0) == ["gone"]
    assert ran.outcomes == ["success"] * 3
    assert [one.step for one in ran.record.steps] == [1, 0, 2]


async def test_two_in_the_background_work_at_once(run_job: RunJob) -> None:
    first = background("touch a; until [ -e b ]; do sleep 0.02; done")
    second = background("touch b; until [ -e a ]; do sleep 0.02; done")
    ran = await run_job(order(first, second, wait(0, 1)))
    assert ran.end.conclusion == "success"


async def test_outputs_and_variables_are_seen_from_the_wait_on(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            background("echo x=1 >> $GITHUB_OUTPUT; echo SEEN=yes >> $GITHUB_ENV; touch done", id="bg"),
            step("until [ -e done ]; do sleep 0.02; done; echo [${{ steps.bg.outputs.x }}] [$SEEN]"),
            wait(0),
            step("echo [${{ steps.bg.outputs.x }}] [$SEEN] [${{ steps.bg.outcome }}]"),
        )
    )
    assert ran.printed(1) == ["[] []"]
    assert ran.printed(3) == ["[1] [yes] [success]"]


async def test_a_failure_surfaces_where_it_is_waited_for(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            background("touch failed; exit 3", id="bg"),
            step("until [ -e failed ]; do sleep 0.02; done; sleep 0.1; echo still fine"),
            wait(0),
            step("echo not any more"),
            wait(),
            step("echo ${{ steps.bg.outcome }}", if_="always()"),
        )
    )
    by_step = {one.step: one.outcome for one in ran.record.steps}
    assert by_step == {0: "failure", 1: "success", 2: "failure", 3: "skip", 4: "success", 5: "success"}
    assert ran.printed(5) == ["failure"]
    assert ran.end.conclusion == "failure"


async def test_who_waits_may_forgive(run_job: RunJob) -> None:
    ran = await run_job(order(background("exit 3"), wait(0, continue_on_error=True), step("echo on")))
    assert ran.end.conclusion == "success"
    assert {one.step: (one.outcome, one.conclusion) for one in ran.record.steps}[0] == ("failure", "success")


async def test_the_job_waits_for_all_at_its_end(run_job: RunJob) -> None:
    ran = await run_job(order(background("sleep 0.3; exit 4"), step("echo here")))
    assert ran.end.conclusion == "failure"
    assert [one.step for one in ran.record.steps] == [1, 0]


async def test_one_that_is_cancelled_fails_nothing(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            background("trap 'exit 1' INT; touch up; while :; do sleep 0.05; done", id="server"),
            step("until [ -e up ]; do sleep 0.02; done"),
            cancel(0),
            step("echo ${{ steps.server.outcome }} ${{ job.status }}"),
        )
    )
    assert ran.end.conclusion == "success"
    assert ran.printed(3) == ["cancelled success"]
    assert {one.step: (one.outcome, one.conclusion) for one in ran.record.steps}[0] == ("cancellation", "skip")


async def test_a_step_that_waits_comes_after_a_failure_too(run_job: RunJob) -> None:
    ran = await run_job(order(background("sleep 0.2; echo end"), step("exit 1"), wait(0)))
    assert {one.step: one.outcome for one in ran.record.steps} == {0: "success", 1: "failure", 2: "success"}


async def test_a_condition_is_asked_where_the_step_stands(run_job: RunJob) -> None:
    ran = await run_job(order(step("exit 1"), background("echo no"), background("echo yes", if_="failure()"), wait(2)))
    assert {one.step: one.outcome for one in ran.record.steps} == {0: "failure", 1: "skip", 2: "success", 3: "success"}


async def test_no_more_than_ten_at_once(run_job: RunJob) -> None:
    held = background("touch in_$$; until [ -e go ]; do sleep 0.02; done")
    look = "until set -- in_*; [ $# -ge 10 ]; do sleep 0.02; done; sleep 0.5; set -- in_*; echo $#; touch go"
    ran = await run_job(order(*[held] * 13, step(look)))
    assert ran.printed(13) == ["10"]
    assert ran.end.conclusion == "success"


async def test_a_cancelled_job_ends_them(bench: Callable[..., Bench]) -> None:
    """The steps beside are ended by the job's cancellation like any step."""
    made = bench(order(background("sleep 60"), step("sleep 60")))
    asyncio.get_running_loop().call_later(0.5, made.job.cancel, "cancelled")
    ran = await made.run()
    assert {one.step: one.outcome for one in ran.record.steps} == {0: "cancellation", 1: "cancellation"}
    assert ran.end.conclusion == "cancellation"


async def test_one_that_waits_for_a_place_is_ended_with_the_job_too(bench: Callable[..., Bench]) -> None:
    """Its condition held before the cancellation, so that this is for it, whenever it begins."""
    made = bench(order(*[background("sleep 60")] * 11, step("sleep 60")))
    asyncio.get_running_loop().call_later(0.8, made.job.cancel, "cancelled")
    ran = await made.run()
    late = next(one for one in ran.record.steps if one.step == 10)
    assert (late.outcome, late.why) == ("cancellation", "The operation was canceled.")
    begun = next(place for place, event in enumerate(ran.record.events) if event == StepStarted(10, late.name))
    assert begun > 10, "it did not wait for a place"
    assert late.duration_ms < 2_500, "it was not ended before the time of the whole job was over"
