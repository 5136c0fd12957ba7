"""Time limits and cancellation: whole process groups end, `always()` steps still run, no wait is without an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from libs.contracts.attempt import StepStarted
from libs.contracts.run import CancelReason
from services.vm_agent.job.supervision import Patience
from tests.e2e.vm_agent.conftest import RunJob
from tests.e2e.vm_agent.harness import Bench, Ran, order, step

BenchOf = Callable[..., Bench]


async def cancelled_when(bench: Bench, says: str, reason: CancelReason = "cancelled") -> Ran:
    """Runs the job and cancels it when this line has been printed."""
    running = asyncio.ensure_future(bench.run())
    async with asyncio.timeout(15):
        while not any(line == says for chunk in bench.chunks for line in chunk.lines):
            assert not running.done(), "the job ended before it could be cancelled"
            await asyncio.sleep(0.01)
        bench.job.cancel(reason)
        return await running


async def test_a_step_at_its_limit_is_a_failure_with_githubs_words(run_job: RunJob) -> None:
    begun = time.monotonic()
    slow = step("sleep 60", name="Slow", timeout_minutes=0.005)
    ran = await run_job(order(slow, step("echo after", if_="failure()")))
    assert ran.outcomes == ["failure", "success"]
    assert ran.record.steps[0].why == "The action 'Slow' has timed out after 0.005 minutes."
    assert time.monotonic() - begun < 10


async def test_a_limit_may_be_an_expression_and_continue_on_error_holds(run_job: RunJob) -> None:
    slow = step("sleep 60", timeout_minutes="${{ fromJSON(vars.LIMIT) }}", continue_on_error=True)
    ran = await run_job(order(slow, vars={"LIMIT": "0.005"}))
    assert (ran.outcomes, ran.conclusions, ran.end.conclusion) == (["failure"], ["success"], "success")


async def test_outputs_written_before_the_limit_count(run_job: RunJob) -> None:
    ran = await run_job(
        order(
            step("echo a=1 >> $GITHUB_OUTPUT; sleep 60", id="x", timeout_minutes=0.005, continue_on_error=True),
            step("echo ${{ steps.x.outputs.a }}"),
        )
    )
    assert ran.printed(1) == ["1"]


@pytest.mark.row("jobs: cancellation")
async def test_a_cancelled_job_ends_its_step_and_runs_what_always_runs(bench: BenchOf) -> None:
    ran = await cancelled_when(
        bench(
            order(
                step("echo ready; sleep 60", id="a"),
                step("echo plain"),
                step("echo failure", if_="failure()"),
                step("echo always ${{ job.status }} ${{ steps.a.outcome }}", if_="always()"),
                step("echo cancelled", if_="cancelled()"),
            )
        ),
        "ready",
    )
    assert ran.outcomes == ["cancellation", "skip", "skip", "success", "success"]
    assert ran.end.conclusion == "cancellation"
    assert ran.printed(3) == ["always cancelled cancelled"]


async def test_a_job_at_its_limit_says_timeout(bench: BenchOf) -> None:
    ran = await cancelled_when(bench(order(step("echo ready; sleep 60"))), "ready", "timeout")
    assert (ran.outcomes, ran.end.conclusion) == (["timeout"], "timeout")


async def test_an_always_step_goes_on_when_the_job_is_cancelled(bench: BenchOf) -> None:
    ran = await cancelled_when(bench(order(step("echo ready; sleep 1; echo through", if_="always()"))), "ready")
    assert (ran.outcomes, ran.end.conclusion) == (["success"], "cancellation")
    assert "through" in ran.printed()


async def test_after_the_cancel_time_even_always_steps_end_and_none_begins(bench: BenchOf) -> None:
    patience = Patience(interrupt_seconds=0.2, terminate_seconds=0.2, cancel_seconds=0.5)
    given = order(step("echo ready; sleep 60", if_="always()"), step("echo x", if_="always()"))
    ran = await cancelled_when(bench(given, patience=patience), "ready")
    assert ran.outcomes == ["cancellation", "cancellation"]
    assert "echo x" not in str(ran.chunks)


@pytest.mark.parametrize(
    ("trap", "said"),
    [
        ("trap 'echo got INT; exit 0' INT", "got INT"),
        ("trap '' INT; trap 'echo got TERM; exit 0' TERM", "got TERM"),
        ("trap '' INT TERM", None),
    ],
)
async def test_the_group_gets_int_then_term_then_kill(bench: BenchOf, trap: str, said: str | None) -> None:
    patience = Patience(interrupt_seconds=0.5, terminate_seconds=0.5, cancel_seconds=10)
    script = f"{trap}; echo ready; while :; do sleep 0.1; done"
    begun = time.monotonic()
    ran = await cancelled_when(bench(order(step(script, shell="bash {0}")), patience=patience), "ready")
    assert ran.outcomes == ["cancellation"]
    assert said is None or said in ran.printed()
    assert time.monotonic() - begun < 10


async def test_children_in_the_background_end_too(bench: BenchOf) -> None:
    script = "(trap '' INT TERM; while :; do echo tick >> $RUNNER_TEMP/ticks; sleep 0.05; done) & echo ready; wait"
    count = "a=$(wc -l < $RUNNER_TEMP/ticks); sleep 0.3; echo $(( $(wc -l < $RUNNER_TEMP/ticks) - a ))"
    patience = Patience(interrupt_seconds=0.2, terminate_seconds=0.2, cancel_seconds=10)
    given = order(step(script), step(count, if_="always()"))
    ran = await cancelled_when(bench(given, patience=patience), "ready")
    assert ran.printed(1) == ["0"]


async def test_cancelling_twice_changes_nothing(bench: BenchOf) -> None:
    made = bench(order(step("echo ready; sleep 60")))
    made.job.cancel("fail-fast")
    made.job.cancel("timeout")
    ran = await made.run()
    assert (ran.outcomes, ran.end.conclusion) == (["skip"], "cancellation")
    assert not [event for event in ran.record.events if isinstance(event, StepStarted)]


async def test_a_sandbox_that_is_lost_is_an_error_and_every_step_is_accounted_for(bench: BenchOf) -> None:
    made = bench(order(step("echo ready; sleep 60"), step("echo x"), step("echo y", if_="always()")))
    running = asyncio.ensure_future(made.run())
    async with asyncio.timeout(15):
        while not any("ready" in chunk.lines for chunk in made.chunks):
            await asyncio.sleep(0.01)
        await made.sandbox.destroy()
        ran = await running
    assert ran.outcomes == ["error", "skip", "skip"]
    assert ran.end.conclusion == "error"
    assert ran.record.steps[1].why.startswith("Not run: ")
