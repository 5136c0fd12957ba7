"""`concurrency` of runs and jobs, as their decider sees it: what is asked, what waits, what ends."""

from __future__ import annotations

import pytest

from libs.contracts.group import Member, Ousted
from libs.contracts.ids import JobKey, RunId
from libs.contracts.plan import CalledInput, Concurrency
from libs.contracts.run import GroupRequested, JobCancelRequested, RunCancelRequested
from tests.unit.services.scheduler.story import Story, job, matrix, on_hosts, plan, types
from tests.unit.services.scheduler.test_calls import LIBRARY, call, called, calling

OTHER = Member(RunId(99))


@pytest.mark.row("jobs: concurrency of workflows")
def test_a_run_asks_once_and_begins_when_it_holds_the_group():
    story = Story(plan(job("a"), job("b"), concurrency=Concurrency("ci-${{ github.ref }}")))
    assert types(story.go()) == ["RunStarted", "GroupRequested"]
    assert story.events[-1] == GroupRequested("ci-refs/heads/main")
    assert story.group("ci-refs/heads/main", OTHER, pending=(story.member(),)).go() == []
    story.group("CI-refs/heads/MAIN", story.member()).go()
    assert on_hosts(story.run) == ["a", "b"]


@pytest.mark.row("jobs: concurrency of jobs")
def test_a_job_asks_when_it_is_ready_and_the_others_go_on():
    story = Story(plan(job("a"), job("b", needs=("a",), concurrency=Concurrency("${{ needs.a.outputs.where }}"))))
    story.go()
    story.does("a", outputs={"where": "prod"})
    assert story.events[-1] == GroupRequested("prod", JobKey("b"))
    assert story.job("b").phase == "waiting"
    story.group("prod", story.member("b")).go()
    assert on_hosts(story.run) == ["b"]


@pytest.mark.row("jobs: concurrency of jobs")
def test_each_job_of_a_matrix_asks_for_itself():
    wanted = Concurrency("m-${{ matrix.n }}-${{ strategy.job-index }}", queue="max")
    story = Story(plan(job("m", strategy=matrix({"n": [1, 2]}), concurrency=wanted)))
    story.go()
    assert [event.group for event in story.events if isinstance(event, GroupRequested)] == ["m-1-0", "m-2-1"]


@pytest.mark.row("jobs: concurrency of workflows")
def test_a_run_that_is_superseded_before_it_began_runs_nothing_not_even_always():
    story = Story(plan(job("a"), job("z", if_="always()"), concurrency=Concurrency("g")))
    story.go()
    story.group("g", OTHER, ousted=(Ousted(story.member(), "superseded by run 8 in the concurrency group g"),)).go()
    assert [event.why for event in story.events if isinstance(event, RunCancelRequested)] == [
        "superseded by run 8 in the concurrency group g"
    ]
    assert story.finished().conclusion == "cancellation"
    assert story.result("z") == ("cancellation", "cancellation")
    assert "superseded by run 8" in story.finished().why


@pytest.mark.row("jobs: concurrency of workflows")
def test_a_run_that_is_superseded_while_it_runs_stops_and_always_still_runs():
    story = Story(plan(job("a"), job("z", needs=("a",), if_="always()"), concurrency=Concurrency("g")))
    story.go()
    story.group("g", story.member()).go()
    story.starts("a")
    story.group("g", story.member(), ousted=(Ousted(story.member(), "superseded by run 8"),)).go()
    assert story.events[-1] == JobCancelRequested(JobKey("a"), 1, "superseded")
    story.steps("a", "cancellation").ends("a", "cancellation").go()
    assert on_hosts(story.run) == ["z"]
    story.does("z")
    assert story.finished().conclusion == "cancellation"


@pytest.mark.row("jobs: concurrency of workflows")
@pytest.mark.parametrize("phase", ["waiting", "queued", "running"])
def test_a_job_that_is_superseded_ends(phase: str):
    story = Story(plan(job("a", concurrency=Concurrency("g", cancel_in_progress="${{ github.event_name == 'push' }}"))))
    story.go()
    asked = next(event for event in story.events if isinstance(event, GroupRequested))
    assert asked.cancel_in_progress is True
    if phase != "waiting":
        story.group("g", story.member("a")).decide()
    if phase == "running":
        story.go()
        story.starts("a")
    story.group(
        "g",
        OTHER if phase == "waiting" else story.member("a"),
        ousted=(Ousted(story.member("a"), "superseded by run 8"),),
    )
    story.go()
    if phase == "running":
        story.steps("a", "cancellation").ends("a", "cancellation").go()
    assert story.result("a") == ("cancellation", "cancellation")


def test_a_job_in_the_group_of_its_workflow_is_a_deadlock_and_fails_at_once():
    story = Story(plan(job("a", concurrency=Concurrency("G")), concurrency=Concurrency("g")))
    story.go()
    story.group("g", story.member()).go()
    assert story.result("a") == ("failure", "failure")
    assert "deadlock" in story.end_of("a").why


@pytest.mark.parametrize(
    ("concurrency", "said"),
    [
        (Concurrency("${{ github.head_ref }}"), "is empty"),
        (Concurrency("${{ fromJSON('[1]') }}"), "expected text"),
        (Concurrency("${{ github.event }}"), "is empty"),
        (Concurrency("x" * 401), "400 characters"),
        (Concurrency("g", queue="${{ 'all' }}"), "expected `single` or `max`"),
        (Concurrency("g", cancel_in_progress="${{ 'perhaps' }}"), "expected true or false"),
        (Concurrency("g", cancel_in_progress=True, queue="max"), "cannot go with `queue: max`"),
        (Concurrency("${{ secrets.X }}"), "secrets"),
    ],
)
@pytest.mark.parametrize("of_run", [True, False])
def test_what_cannot_be_a_group_fails_and_says_why(concurrency: Concurrency, said: str, of_run: bool):
    planned = plan(job("a"), concurrency=concurrency) if of_run else plan(job("a", concurrency=concurrency))
    story = Story(planned)
    story.go()
    assert story.finished().conclusion == "failure"
    assert said in story.end_of("a").why
    assert "concurrency" in story.end_of("a").why


def test_who_waits_can_be_cancelled():
    story = Story(plan(job("a"), concurrency=Concurrency("g")))
    story.go()
    story.group("g", OTHER, pending=(story.member(),))
    story.cancel()
    assert story.finished().conclusion == "cancellation"
    job_gated = Story(plan(job("a"), job("b", concurrency=Concurrency("g"))))
    job_gated.go()
    job_gated.group("g", OTHER, pending=(job_gated.member("b"),))
    job_gated.cancel()
    assert job_gated.result("b") == ("cancellation", "cancellation")


def test_a_run_whose_group_is_not_known_yet_waits_even_to_be_cancelled():
    story = Story(plan(job("a", if_="always()"), concurrency=Concurrency("g")))
    story.go()
    story.cancel()
    assert not story.run.over
    story.group("g", story.member()).go()
    assert on_hosts(story.run) == ["a"]


def test_a_rerun_enters_anew():
    story = Story(plan(job("a"), concurrency=Concurrency("g")))
    story.go()
    story.group("g", story.member()).go()
    story.does("a", "failure")
    story.rerun()
    assert types(story.events[-3:]) == ["RunRerun", "RunStarted", "GroupRequested"]
    assert on_hosts(story.run) == []
    story.group("g", story.member()).go()
    assert on_hosts(story.run) == ["a"]


def test_another_attempt_at_a_job_stays_in_the_group():
    story = Story(plan(job("a", concurrency=Concurrency("g"))))
    story.go()
    story.group("g", story.member("a")).go()
    story.starts("a").loses("a").go()
    assert [type(e).__name__ for e in story.events].count("GroupRequested") == 1
    assert on_hosts(story.run) == ["a"]


def test_a_called_workflow_asks_for_its_own_group_with_its_inputs_before_anything_of_it_begins():
    inside = called(job("a"), inputs={"to": CalledInput("string")}, concurrency=Concurrency("lib-${{ inputs.to }}"))
    story = calling(inside, call("lib", with_={"to": "prod"}, concurrency=Concurrency("of-the-job")))
    assert story.events[-1] == GroupRequested("of-the-job", JobKey("lib"))
    story.group("of-the-job", story.member("lib")).go()
    assert story.events[-1] == GroupRequested("lib-prod", JobKey("lib"), called=True)
    assert on_hosts(story.run) == []
    story.group("lib-prod", story.member("lib", called=True)).go()
    assert on_hosts(story.run) == ["lib / a"]


def test_a_called_workflow_that_is_superseded_stops():
    story = calling(called(job("a"), job("b", needs=("a",)), concurrency=Concurrency("g")), call("lib"))
    story.group("g", story.member("lib", called=True)).go()
    story.starts("lib~a")
    gone = (Ousted(story.member("lib", called=True), "superseded by run 8"),)
    story.group("g", story.member("lib", called=True), ousted=gone).go()
    assert JobCancelRequested(JobKey("lib"), 0, "superseded") in story.events
    story.steps("lib~a", "cancellation").ends("lib~a", "cancellation").go()
    assert story.result("lib")[0] == "cancellation"
    assert story.run.over


@pytest.mark.parametrize("around", ["run", "job", "called"])
def test_a_called_job_in_a_group_of_what_called_it_is_a_deadlock(around: str):
    group = Concurrency("g")
    inside = called(job("a", concurrency=Concurrency("G")), concurrency=group if around == "called" else None)
    story = Story(
        plan(
            call("lib", concurrency=group if around == "job" else None),
            concurrency=group if around == "run" else None,
            called={LIBRARY: inside},
        )
    )
    story.go()
    holder = story.member() if around == "run" else story.member("lib", called=around == "called")
    story.group("g", holder).go()
    assert story.result("lib~a")[0] == "failure"
    assert "deadlock" in story.end_of("lib~a").why


def test_a_call_of_which_a_part_runs_again_enters_anew():
    story = calling(called(job("a"), job("b"), concurrency=Concurrency("g")), call("lib"))
    story.group("g", story.member("lib", called=True)).go()
    story.does("lib~a", "failure")
    story.does("lib~b")
    story.rerun(failed=True)
    assert story.events[-1] == GroupRequested("g", JobKey("lib"), called=True, run_attempt=2)
    assert on_hosts(story.run) == []
    story.group("g", story.member("lib", called=True)).go()
    assert on_hosts(story.run) == ["lib / a"]
    story.does("lib~a")
    assert story.finished().conclusion == "success"


def test_a_call_that_waits_to_enter_anew_can_be_cancelled():
    story = calling(called(job("a", if_="always()"), job("b"), concurrency=Concurrency("g")), call("lib"))
    story.group("g", story.member("lib", called=True)).go()
    story.does("lib~a", "failure")
    story.does("lib~b")
    story.rerun(failed=True)
    story.group("g", OTHER)
    story.cancel("c2")
    assert story.finished().conclusion == "cancellation"
    assert on_hosts(story.run) == []
