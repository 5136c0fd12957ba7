"""A failure of a job that is known to be flaky is followed by another attempt: opted in, bounded, and never hidden."""

from __future__ import annotations

import pytest

from libs.contracts.results import Result
from libs.contracts.run import JobAssigned, JobCancelRequested, JobFinished, JobQueued
from libs.contracts.size import Size
from libs.contracts.timers import JobDeadline
from services.scheduler.learned import Bounds
from tests.unit.services.scheduler.advised import flaky
from tests.unit.services.scheduler.story import Story, host, job, matrix, on_hosts, plan, types


def begun(*advice: object, retries: int = 1, **fields: object) -> Story:
    story = Story(plan(job("a", steps=2), **fields)).knows(*(advice or (flaky("a"),)), retry_flaky=retries)
    story.go()
    return story


def numbers(story: Story) -> list[int]:
    return [event.n for event in story.events if isinstance(event, JobAssigned)]


def end(story: Story, key: str = "a") -> JobFinished:
    event = story.end_of(key)
    assert isinstance(event, JobFinished)
    return event


def test_it_passes_on_the_second_attempt_and_says_so_everywhere():
    story = begun()
    (queued, assigned) = story.does("a", "failure")
    assert isinstance(queued, JobQueued)
    assert (queued.retry_of, queued.not_hosts) == (1, ())
    assert queued.why == (
        "known flaky: the job passed and failed at each of 2 commits; attempt 1: step 1 (step 0) ended in failure"
    )
    assert isinstance(assigned, JobAssigned)
    story.does("a")
    assert (end(story).conclusion, end(story).n, end(story).retries) == ("success", 2, 1)
    assert end(story).why == "passed on attempt 2, known flaky"
    assert (story.finished().conclusion, story.finished().why) == ("success", "a passed on attempt 2, known flaky")
    assert numbers(story) == [1, 2]


@pytest.mark.parametrize("retries", [1, 2, 3])
def test_it_is_run_again_at_most_as_often_as_is_opted_into(retries: int) -> None:
    story = begun(retries=retries)
    for _ in range(retries + 1):
        story.does("a", "failure")
    assert (end(story).outcome, end(story).n, end(story).retries) == ("failure", retries + 1, retries)
    assert end(story).why == (
        f"failed on each of {retries + 1} attempts, although known flaky: step 1 (step 0) ended in failure"
    )
    assert story.finished().conclusion == "failure"
    assert numbers(story) == list(range(1, retries + 2))


@pytest.mark.parametrize(
    ("advice", "again"),
    [
        (flaky("a", "step 0"), True),
        (flaky("a", "step 1"), False),
        (flaky("b"), False),
        (flaky("a", state="watch"), False),
        (flaky("a", path="other.yml"), False),
    ],
)
def test_it_is_the_job_or_the_step_that_failed_that_is_known(advice: object, again: bool) -> None:
    story = begun(advice)
    assert (types(story.does("a", "failure"))[0] == "JobQueued") is again


def test_a_step_that_fails_behind_the_one_that_did_is_not_asked():
    story = begun(flaky("a", "step 1"))
    story.starts("a").steps("a", "failure", "failure").ends("a", "failure").go()
    assert end(story).retries == 0


@pytest.mark.parametrize(
    ("fields", "opt_ins", "bounds"),
    [
        ({}, {}, Bounds()),
        ({}, {"retry_flaky": 0, "timeouts": "apply"}, Bounds()),
        ({}, {"retry_flaky": 3}, Bounds(frozenset({"retries"}))),
        ({"trust": "fork"}, {"retry_flaky": 3}, Bounds()),
        ({"trial": "p1"}, {"retry_flaky": 3}, Bounds()),
    ],
)
def test_without_opt_in_where_it_is_forbidden_and_for_strangers_a_failure_is_one(
    fields: dict[str, object], opt_ins: dict[str, object], bounds: Bounds
) -> None:
    story = Story(plan(job("a"), **fields), host(takes_forks=True, largest=Size(2, 4096))).knows(
        flaky("a"), bounds=bounds, **opt_ins
    )
    story.go()
    assert types(story.does("a", "failure")) == ["JobFinished", "RunFinished"]
    assert (end(story).retries, end(story).why) == (0, "step 1 (step 0) ended in failure")


def test_a_timeout_and_a_cancellation_are_never_run_again():
    timed_out = begun()
    timed_out.starts("a").fires(JobDeadline("octo", "demo", timed_out.run.id, timed_out.job("a").key, 1))
    timed_out.steps("a", "cancellation", "skip").ends("a", "timeout").go()
    assert (end(timed_out).outcome, end(timed_out).retries) == ("timeout", 0)

    cancelled = begun()
    cancelled.starts("a").cancel()
    cancelled.steps("a", "failure", "skip").ends("a", "failure").go()
    assert (end(cancelled).outcome, end(cancelled).retries) == ("failure", 0)


def test_errors_of_ours_have_their_own_attempts():
    story = begun(retries=3)
    story.does("a", "failure")
    story.does("a", "failure")
    for _ in range(2):
        assert types(story.starts("a").loses("a").go())[0] == "JobQueued"
    story.does("a", "failure")
    story.does("a", "success")
    assert (end(story).n, end(story).retries, end(story).why) == (6, 3, "passed on attempt 6, known flaky")


def test_an_error_on_the_last_attempt_is_an_error():
    story = begun()
    story.does("a", "failure")
    for _ in range(3):
        story.starts("a").loses("a").go()
    assert (end(story).outcome, end(story).retries) == ("error", 1)
    assert story.finished().conclusion == "error"


def test_a_rerun_counts_anew_and_its_attempts_go_on():
    story = begun()
    story.does("a", "failure")
    story.does("a", "failure")
    story.rerun()
    story.does("a", "failure")
    story.does("a")
    assert numbers(story) == [1, 2, 3, 4]
    assert (end(story).retries, end(story).why) == (1, "passed on attempt 4, known flaky")


def of_matrix() -> tuple[Story, str, str]:
    planned = plan(job("m", strategy=matrix({"os": ["x", "y"]})))
    story = Story(planned)
    story.go()
    first, second = story.run.jobs
    story = Story(planned).knows(flaky(first), retry_flaky=1)
    story.go()
    return story, first, second


def test_fail_fast_waits_for_the_last_attempt_of_a_matrix_job():
    story, first, second = of_matrix()
    events = story.does(first, "failure")
    assert not any(isinstance(event, JobCancelRequested) for event in events)
    assert len(on_hosts(story.run)) == 2
    assert any(isinstance(event, JobCancelRequested) for event in story.does(first, "failure"))
    story.starts(second).steps(second, "cancellation").ends(second, "cancellation").go()
    assert story.finished().conclusion == "failure"


def test_a_matrix_job_that_passes_at_last_ends_no_sibling():
    story, first, second = of_matrix()
    story.does(first, "failure")
    story.does(first)
    story.does(second)
    assert (story.finished().conclusion, story.finished().why) == (
        "success",
        f"{story.job(first).name} passed on attempt 2, known flaky",
    )


@pytest.mark.parametrize(("last", "conclusion"), [("success", "success"), ("failure", "success")])
def test_a_job_that_may_fail_is_run_again_too_and_what_needs_it_waits(last: Result, conclusion: Result) -> None:
    story = Story(plan(job("a", continue_on_error=True), job("b", needs=("a",)))).knows(flaky("a"), retry_flaky=1)
    story.go()
    assert types(story.does("a", "failure")) == ["JobQueued", "JobAssigned"]
    assert "JobQueued" in types(story.does("a", last))
    assert story.result("a") == (last, conclusion)
