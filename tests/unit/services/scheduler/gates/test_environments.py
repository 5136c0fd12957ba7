"""Jobs before protected environments: who waits for what, who may let them in, and what becomes of those kept out."""

from __future__ import annotations

import pytest

from libs.contracts.ids import Cause
from libs.contracts.plan import Environment
from libs.contracts.run import ApprovalDenied, ApprovalGranted, ApprovalRequested, CommandRejected, JobQueued
from libs.contracts.timers import WaitOver
from services.scheduler.effects import Arm, wanted
from tests.unit.services.scheduler.story import Story, job, matrix, on_hosts, plan

DAY_SECONDS = 86_400


def protected(*, ref: str = "refs/heads/main", **rules: object) -> Story:
    story = Story(plan(job("deploy", environment=Environment("Production")), ref=ref))
    story.protect("production", **rules)
    story.go()
    return story


def refusal(story: Story) -> str:
    return [event.why for event in story.events if isinstance(event, CommandRejected)][-1]


@pytest.mark.row("jobs: environment")
def test_an_environment_that_nobody_set_is_not_protected_and_goes_along():
    story = Story(plan(job("a", environment=Environment("${{ matrix.to }}"), strategy=matrix({"to": ["x"]}))))
    story.go()
    queued = next(event for event in story.events if isinstance(event, JobQueued))
    assert queued.environment == "x"


@pytest.mark.row("jobs: environment")
def test_nothing_passes_before_the_rules_were_looked_up():
    story = Story(plan(job("deploy", environment=Environment("production")), job("other")))
    story.environments = None
    story.go()
    assert on_hosts(story.run) == ["other"]
    story.does("other")
    assert not story.run.over
    story.protect("production", reviewers=("monalisa",)).go()
    assert isinstance(story.events[-1], ApprovalRequested)


@pytest.mark.row("jobs: environment reviewers")
def test_a_job_waits_for_a_reviewer_and_then_runs():
    story = protected(reviewers=("MonaLisa", "hubot"))
    assert story.events[-1] == ApprovalRequested("deploy", "Production", ("MonaLisa", "hubot"))
    assert on_hosts(story.run) == []
    story.approve("monalisa", comment="go")
    assert ApprovalGranted("a1", "Production", ("deploy",), "monalisa", "go") in story.events
    assert on_hosts(story.run) == ["deploy"]
    assert story.approve("monalisa") == []


@pytest.mark.row("jobs: environment reviewers")
def test_who_is_kept_out_fails_and_says_by_whom():
    story = protected(reviewers=("monalisa",))
    story.approve("monalisa", reject=True, comment="not today")
    assert isinstance(story.events[-3], ApprovalDenied)
    assert story.result("deploy") == ("failure", "failure")
    assert story.end_of("deploy").why == "monalisa did not approve it for Production: not today"


@pytest.mark.row("jobs: environment reviewers")
def test_one_word_is_for_all_jobs_of_the_run_that_wait_for_that_environment():
    jobs = (
        job("m", strategy=matrix({"n": [1, 2]}), environment=Environment("production")),
        job("s", environment=Environment("staging")),
    )
    story = Story(plan(*jobs))
    story.protect("production", reviewers=("monalisa",)).protect("staging", reviewers=("monalisa",))
    story.go()
    story.approve(environment="PRODUCTION")
    assert on_hosts(story.run) == ["m (1)", "m (2)"]
    story.approve(id="a2", job="s")
    assert "s" in on_hosts(story.run)


def test_who_is_no_reviewer_is_refused():
    story = protected(reviewers=("monalisa",))
    story.approve("mallory")
    assert refusal(story) == "mallory is no reviewer of Production; its reviewers are monalisa"
    assert on_hosts(story.run) == []


@pytest.mark.row("jobs: environment reviewers")
def test_who_started_the_run_may_be_kept_from_approving_it():
    story = protected(reviewers=("octocat", "monalisa"), prevent_self_review=True)
    story.approve("octocat")
    assert "does not let who did approve it" in refusal(story)
    story.approve("monalisa", id="a2")
    assert on_hosts(story.run) == ["deploy"]


def test_a_word_about_nothing_is_refused():
    story = protected(reviewers=("monalisa",))
    story.approve("monalisa", environment="staging")
    assert refusal(story) == "nothing like that waits for an approval; there waits: Production"
    story.approve("monalisa", id="a2")
    story.approve("monalisa", id="a3")
    assert refusal(story) == "nothing of this run waits for an approval"
    story.does("deploy")
    story.approve("monalisa", id="a4")
    assert "the run is over" in refusal(story)


@pytest.mark.row("jobs: environment")
def test_a_wait_timer_holds_the_job_for_its_minutes():
    story = protected(wait_minutes=5)
    due = [effect for effect in wanted(story.run, Cause("c")) if isinstance(effect, Arm)]
    assert [(effect.at - story.now).total_seconds() for effect in due if isinstance(effect.timer, WaitOver)] == [300]
    story.later(299).go()
    assert on_hosts(story.run) == []
    assert story.later(1).fires(WaitOver("octo", "demo", story.run.id, "deploy"))
    assert on_hosts(story.run) == ["deploy"]


@pytest.mark.row("jobs: environment")
def test_both_an_approval_and_the_time_are_waited_for():
    story = protected(reviewers=("monalisa",), wait_minutes=5)
    story.approve()
    assert on_hosts(story.run) == []
    story.later(300).go()
    assert on_hosts(story.run) == ["deploy"]


@pytest.mark.row("jobs: environment")
@pytest.mark.parametrize(
    ("ref", "branches", "allowed"),
    [
        ("refs/heads/main", ("main",), True),
        ("refs/heads/release/1", ("main", "release/*"), True),
        ("refs/heads/other", ("main", "release/*"), False),
        ("refs/tags/v1", ("main", "v1"), False),
        ("refs/tags/v1", ("refs/tags/v*",), True),
        ("refs/pull/7/merge", ("main",), False),
        ("refs/pull/7/merge", ("refs/pull/*/merge",), True),
    ],
)
def test_only_the_refs_that_its_rules_name_get_in(ref: str, branches: tuple[str, ...], allowed: bool):
    story = protected(ref=ref, branches=branches)
    if allowed:
        assert on_hosts(story.run) == ["deploy"]
    else:
        assert story.result("deploy")[0] == "failure"
        assert f"{ref} may not use the environment Production" in story.end_of("deploy").why


def test_after_thirty_days_it_fails():
    story = protected(reviewers=("monalisa",))
    story.later(30 * DAY_SECONDS).go()
    assert story.result("deploy") == ("failure", "failure")
    assert "within 30 days" in story.end_of("deploy").why


def test_a_job_that_waits_can_be_cancelled():
    story = protected(reviewers=("monalisa",))
    story.cancel()
    assert story.result("deploy") == ("cancellation", "cancellation")


def test_a_rerun_has_to_be_approved_again():
    story = protected(reviewers=("monalisa",))
    story.approve()
    story.does("deploy", "failure")
    story.rerun()
    assert isinstance(story.events[-1], ApprovalRequested)
    assert on_hosts(story.run) == []


def test_another_attempt_keeps_the_environment():
    story = protected(reviewers=("monalisa",))
    story.approve()
    story.starts("deploy").loses("deploy").go()
    assert story.job("deploy").environment == "Production"
    assert on_hosts(story.run) == ["deploy"]
