"""The verdict: made of recorded step outcomes, one for every planned step; and what follows an attempt that is over."""

from __future__ import annotations

import pytest

from libs.contracts.attempt import StepFinished
from libs.contracts.run import JobQueued
from libs.contracts.timers import JobDeadline, RunDeadline
from services.scheduler.policy import MAX_REFUSALS, cancel_seconds
from tests.unit.services.scheduler.story import Story, host, job, on_hosts, plan, types


def started(steps: int = 3, *hosts: object, **fields: object) -> Story:
    story = Story(plan(job("a", steps=steps, **fields)), *hosts)
    story.go()
    return story


def test_a_lost_step_event_is_an_error_and_never_a_success():
    story = started().starts("a").steps("a", "success", "success").ends("a", "success")
    assert types(story.go()) == ["JobFinished", "RunFinished"]
    end = story.end_of("a")
    assert (end.outcome, end.conclusion) == ("error", "error")
    assert "step 3" in end.why
    assert "no recorded outcome" in end.why
    assert story.finished().conclusion == "error"


@pytest.mark.parametrize("conclusion", ["success", "skip", "failure", "cancellation", "timeout"])
def test_no_word_of_the_agent_replaces_a_missing_step(conclusion: str):
    story = started().starts("a").steps("a", "success").ends("a", conclusion)
    story.go()
    assert story.end_of("a").outcome == "error"


def test_no_steps_at_all_are_no_success():
    story = started().starts("a").ends("a", "success")
    story.go()
    assert story.end_of("a").outcome == "error"


def test_a_job_planned_without_steps_is_an_error():
    story = started(0).starts("a").ends("a", "success")
    story.go()
    assert "has no steps" in story.end_of("a").why


def test_an_outcome_for_a_step_that_is_not_planned_is_an_error():
    story = started(1).starts("a").steps("a", "success", "success").ends("a")
    story.go()
    assert story.end_of("a").outcome == "error"


def test_two_outcomes_of_one_step_are_an_error():
    story = started(1).starts("a").steps("a", "failure").steps("a", "success").ends("a")
    story.go()
    assert "two recorded outcomes" in story.end_of("a").why


def test_skipped_steps_are_recorded_and_all_skipped_is_a_success_in_which_nothing_ran():
    story = started().starts("a").steps("a", "skip", "skip", "skip").ends("a", "success")
    story.go()
    assert (story.finished().conclusion, story.finished().steps_run) == ("success", 0)


@pytest.mark.parametrize("said", ["success", "failure"])
def test_a_failed_step_fails_the_job_whatever_the_agent_says(said: str):
    story = started().starts("a").steps("a", "success", "failure", "skip").ends("a", said)
    story.go()
    assert story.end_of("a").outcome == "failure"
    assert "step 2" in story.end_of("a").why


def test_a_step_with_continue_on_error_does_not_fail_the_job():
    story = started(1).starts("a").says("a", StepFinished(0, "s", "failure", "success")).ends("a", "success")
    story.go()
    assert story.end_of("a").outcome == "success"


def test_the_agent_can_make_it_worse():
    story = started(1).starts("a").steps("a", "success").ends("a", "failure", why="an output could not be evaluated")
    story.go()
    assert (story.end_of("a").outcome, story.end_of("a").why) == ("failure", "an output could not be evaluated")


def test_outputs_go_into_the_jobs_end():
    story = started(1).starts("a").steps("a", "success").ends("a", outputs={"x": "1"})
    story.go()
    assert story.end_of("a").outputs == {"x": "1"}


def test_an_error_is_tried_again_elsewhere_and_three_times_at_most():
    story = started(1, host("h1"), host("h2"))
    seen = []
    for number in (1, 2, 3):
        attempt = story.job("a").attempt
        assert attempt is not None
        assert attempt.n == number
        seen.append(attempt.host)
        story.starts("a").ends("a", "error", why="the sandbox died").go()
    assert seen[0] != seen[1]
    assert story.end_of("a").outcome == "error"
    assert "the sandbox died" in story.end_of("a").why


def test_with_one_host_an_error_is_tried_again_there():
    story = started(1)
    story.starts("a").ends("a", "error", why="x").go()
    assert on_hosts(story.run) == ["a"]
    assert "attempt 1 on h1: x" in story.job("a").why
    story.does("a")
    assert story.finished().conclusion == "success"


def test_a_failure_is_not_tried_again():
    story = started(1)
    assert types(story.does("a", "failure")) == ["JobFinished", "RunFinished"]


def test_a_lost_attempt_is_tried_again_and_the_reason_is_told():
    story = started(1).starts("a").steps("a").loses("a", "host h1 was silent for 30 s")
    queued = story.go()[0]
    assert isinstance(queued, JobQueued)
    assert queued.not_hosts == ("h1",)
    assert "silent" in queued.why


def test_a_lost_attempt_is_tried_three_times_at_most():
    story = started(1)
    for _ in range(3):
        story.loses("a").go()
    assert story.end_of("a").outcome == "error"


def test_on_the_driver_host_a_lost_attempt_with_a_step_is_an_error():
    story = started(2).starts("a", driver="host").steps("a", "success").loses("a")
    story.go()
    assert story.end_of("a").outcome == "error"
    assert "`host`" in story.end_of("a").why


def test_on_the_driver_host_a_lost_attempt_without_a_step_is_tried_again():
    story = started(2).starts("a", driver="host").loses("a")
    story.go()
    assert on_hosts(story.run) == ["a"]


def test_a_refusal_is_nobodys_error_and_counts_as_no_attempt():
    story = started(1)
    for _ in range(5):
        story.refuses("a").go()
    story.does("a")
    assert story.finished().conclusion == "success"
    assert story.end_of("a").n == 6


def test_refusals_are_bounded():
    story = started(1)
    for _ in range(MAX_REFUSALS + 1):
        story.refuses("a").go()
    assert story.end_of("a").outcome == "error"


def test_a_host_that_refuses_for_good_is_not_asked_again():
    story = started(1, host("h1"), host("h2"))
    first = story.job("a").attempt.host
    story.refuses("a", "no", permanent=True).go()
    assert story.job("a").attempt.host != first
    story.refuses("a", "no code from a fork here", permanent=True).go()
    assert story.end_of("a").outcome == "error"
    assert "no code from a fork here" in story.end_of("a").why


def test_a_deadline_stops_the_job_and_it_ends_as_a_timeout_whatever_the_steps_say():
    story = started(1).starts("a")
    assert types(story.fires(JobDeadline("octo", "demo", story.run.id, "a", 1))) == ["JobCancelRequested"]
    story.steps("a", "success").ends("a", "success").go()
    assert story.result("a") == ("timeout", "timeout")


def test_a_deadline_that_fires_after_the_end_is_nothing():
    story = started(1).starts("a").steps("a", "success").ends("a", "success")
    assert types(story.fires(JobDeadline("octo", "demo", story.run.id, "a", 1))) == ["JobFinished", "RunFinished"]
    assert story.result("a") == ("success", "success")


def test_a_deadline_of_an_earlier_attempt_is_nothing():
    story = started(1).loses("a")
    story.go()
    assert story.fires(JobDeadline("octo", "demo", story.run.id, "a", 1)) == []


def test_a_timeout_of_a_job_that_may_fail_counts_as_success():
    story = started(1, continue_on_error=True).starts("a")
    story.fires(JobDeadline("octo", "demo", story.run.id, "a", 1))
    story.steps("a", "cancellation").ends("a", "cancellation").go()
    assert story.result("a") == ("timeout", "success")


def test_an_attempt_that_does_not_stop_is_an_error_in_the_end():
    story = started(1).starts("a")
    story.cancel()
    story.later(cancel_seconds(None)).loses("a", "it did not stop").go()
    assert story.result("a") == ("error", "error")


def test_a_host_lost_while_its_job_is_cancelled_leaves_a_cancelled_job():
    story = started(1).starts("a")
    story.cancel()
    story.later(20).loses("a").go()
    assert story.result("a") == ("cancellation", "cancellation")


def test_the_runs_deadline_ends_everything():
    story = Story(plan(job("a"), job("b", runs_on="gpu"), job("c", needs=("a",), if_="always()")))
    story.go()
    story.starts("a")
    events = story.fires(RunDeadline("octo", "demo", story.run.id, 1))
    assert types(events) == ["RunCancelRequested", "JobCancelRequested", "JobFinished"]
    story.steps("a", "cancellation").ends("a", "cancellation").go()
    assert story.finished().conclusion == "timeout"
