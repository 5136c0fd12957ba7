"""Cancelling and rerunning, with GitHub's rules; a command that comes twice decides once."""

from __future__ import annotations

import pytest

from libs.contracts.run import CommandRejected, JobCancelRequested, JobFinished, JobSkipped, RunFinished, RunRerun
from services.scheduler.policy import MAX_RUN_ATTEMPTS
from tests.unit.services.scheduler.story import Story, host, job, matrix, on_hosts, plan, types


def rejected(events: list[object]) -> str:
    return next(event.why for event in events if isinstance(event, CommandRejected))


def test_a_cancelled_run_stops_what_runs_and_ends_what_waits():
    story = Story(plan(job("a"), job("b"), job("c", needs=("a",))), host(slots=1))
    story.go()
    assert on_hosts(story.run) == ["a"]
    events = story.cancel()
    assert [event.reason for event in events if isinstance(event, JobCancelRequested)] == ["cancelled"]
    assert story.result("b") == ("cancellation", "cancellation")
    story.starts("a").steps("a", "cancellation").ends("a", "cancellation").go()
    assert isinstance(story.end_of("c"), JobSkipped)
    assert story.end_of("c").why == "the run was cancelled"
    assert story.finished().conclusion == "cancellation"


@pytest.mark.parametrize(("condition", "goes_on"), [("always()", True), ("cancelled()", True), ("success()", False)])
def test_a_running_job_whose_if_still_holds_goes_on(condition: str, goes_on: bool):
    """`cancelled()` is false at the start: such a job is there because of a need's end, so it is queued later."""
    story = Story(plan(job("a"), job("b", needs=("a",), if_=condition)))
    story.go()
    if condition == "cancelled()":
        story.cancel()
        story.starts("a").steps("a", "cancellation").ends("a", "cancellation").go()
    else:
        story.does("a")
        assert on_hosts(story.run) == ["b"]
        story.cancel()
    assert (story.job("b").cancel is None) is goes_on
    story.does("b")
    assert story.result("b") == ("success", "success")
    assert story.finished().conclusion == "cancellation"


def test_a_job_that_was_done_when_the_cancel_came_keeps_its_result():
    story = Story(plan(job("a")))
    story.go()
    story.cancel()
    story.starts("a").steps("a", "success").ends("a", "success").go()
    assert story.result("a") == ("success", "success")
    assert story.finished().conclusion == "cancellation"


def test_a_failure_before_the_cancel_is_a_cancelled_job_as_on_github():
    story = Story(plan(job("a", steps=2)))
    story.go()
    story.cancel()
    story.starts("a").steps("a", "failure", "cancellation").ends("a", "cancellation").go()
    assert story.end_of("a").outcome == "cancellation"


def test_a_cancelled_job_is_not_retried():
    story = Story(plan(job("a")))
    story.go()
    story.starts("a")
    story.cancel()
    story.ends("a", "error", why="x").go()
    assert story.end_of("a").outcome == "error"


def test_the_same_cancel_twice_is_one():
    story = Story(plan(job("a")))
    story.go()
    assert types(story.cancel("c1"))[0] == "RunCancelRequested"
    assert story.cancel("c1") == []
    assert "already" in rejected(story.cancel("c2"))
    assert story.cancel("c2") == []


def test_a_run_that_is_over_cannot_be_cancelled():
    story = Story(plan(job("a")))
    story.go()
    story.does("a")
    assert "over" in rejected(story.cancel())


def three() -> Story:
    """`a` succeeded, `b` failed, `c` needs `b`, `d` stands alone and succeeded."""
    story = Story(plan(job("a"), job("b", needs=("a",)), job("c", needs=("b",)), job("d")))
    story.go()
    story.does("a", outputs={"x": "1"})
    story.does("d")
    story.does("b", "failure")
    return story


def test_rerun_failed_takes_the_failed_and_what_needs_them():
    story = three()
    events = story.rerun(failed=True)
    assert isinstance(events[0], RunRerun)
    assert events[0].jobs == ("b", "c")
    assert (events[0].run_attempt, story.run.run_attempt) == (2, 2)
    assert on_hosts(story.run) == ["b"]
    story.does("b")
    story.does("c")
    assert (story.finished().conclusion, story.finished().run_attempt) == ("success", 2)
    assert story.finished().steps_run == 4
    assert story.run.jobs["a"].outputs == {"x": "1"}


def test_rerun_all_takes_all_and_n_counts_on():
    story = three()
    story.rerun()
    assert on_hosts(story.run) == ["a", "d"]
    assert story.job("a").attempt.n == 2


def test_rerun_of_a_named_job_takes_what_needs_it():
    story = three()
    assert story.rerun(jobs=("a",))[0].jobs == ("a", "b", "c")


def test_rerun_of_one_job_of_a_matrix_keeps_the_others():
    story = Story(plan(job("m", strategy=matrix({"n": [1, 2]}, fail_fast=False)), job("z", needs=("m",))))
    story.go()
    story.does("m (1)")
    story.does("m (2)", "failure")
    key = story.job("m (2)").key
    story.rerun(failed=True)
    assert on_hosts(story.run) == ["m (2)"]
    assert story.job("m (2)").key == key
    assert story.job("m (2)").matrix == {"n": 2}
    story.does("m (2)")
    story.does("z")
    assert story.finished().conclusion == "success"


def test_rerun_of_a_whole_matrix_expands_it_anew():
    jobs = (job("p"), job("m", needs=("p",), strategy=matrix({"n": "${{ fromJSON(needs.p.outputs.ns) }}"})))
    story = Story(plan(*jobs))
    story.go()
    story.does("p", outputs={"ns": "[1, 2]"})
    story.does("m (1)")
    story.does("m (2)")
    story.rerun()
    story.does("p", outputs={"ns": "[2, 3]"})
    assert on_hosts(story.run) == ["m (2)", "m (3)"]
    assert [each.attempt.n for each in story.run.of("m")] == [2, 1]


def test_a_rerun_of_a_cancelled_run_is_no_longer_cancelled():
    story = Story(plan(job("a"), job("b", needs=("a",))))
    story.go()
    story.cancel()
    story.starts("a").steps("a", "cancellation").ends("a", "cancellation").go()
    assert story.rerun(failed=True)[0].jobs == ("a", "b")
    story.does("a")
    story.does("b")
    assert story.finished().conclusion == "success"


def test_each_run_attempt_ends_once():
    story = three()
    story.rerun(failed=True)
    story.does("b", "failure")
    ends = [event.run_attempt for event in story.events if isinstance(event, RunFinished)]
    assert ends == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [({"jobs": ("ghost",)}, "no job ghost"), ({"failed": True}, "no job failed")],
)
def test_a_rerun_that_makes_no_sense_is_rejected(arguments: dict[str, object], why: str):
    story = Story(plan(job("a")))
    story.go()
    story.does("a")
    assert why in rejected(story.rerun(**arguments))


def test_a_run_that_goes_on_is_not_rerun():
    story = Story(plan(job("a")))
    story.go()
    assert "not over" in rejected(story.rerun())


def test_reruns_are_bounded():
    story = Story(plan(job("a", if_="false")))
    story.go()
    for number in range(MAX_RUN_ATTEMPTS - 1):
        story.rerun(f"r{number}")
    assert "limit" in rejected(story.rerun("last"))


def test_a_rerun_starts_with_fresh_tries():
    story = Story(plan(job("a")))
    story.go()
    for _ in range(3):
        story.loses("a").go()
    assert isinstance(story.events[-2], JobFinished)
    story.rerun()
    story.loses("a").go()
    assert on_hosts(story.run) == ["a"]


def test_who_reran_is_the_triggering_actor():
    from services.scheduler.contexts import github

    story = three()
    story.rerun()
    context = github(story.run)
    assert (context["run_attempt"], context["triggering_actor"]) == ("2", "octocat")
