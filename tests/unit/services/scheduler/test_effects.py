"""What a stored event asks for, given the state as it is by now: late and repeated events ask for nothing wrong."""

from __future__ import annotations

from datetime import timedelta

from libs.contracts.attempt import AttemptFinished, AttemptStarted
from libs.contracts.ids import BootId, Cause, HostId, JobKey
from libs.contracts.run import JobAssigned, JobCancelRequested, RunFinished, RunStarted
from libs.contracts.subjects import AttemptAddress
from libs.contracts.timers import JobDeadline, RunDeadline
from services.scheduler.effects import Arm, Disarm, Ring, Stop, effects_of, effects_of_attempt, wanted
from tests.unit.services.scheduler.story import NOON, Story, job, plan

CAUSE = Cause("guid")
ADDRESS = AttemptAddress(HostId("h1"), "octo", "demo", 7, JobKey("a"), 1)
ASSIGNED = JobAssigned(JobKey("a"), 1, HostId("h1"))
STARTED = AttemptStarted(7, JobKey("a"), 1, HostId("h1"), BootId("b"), "bubblewrap")


def begun(**fields: object) -> Story:
    story = Story(plan(job("a", **fields)))
    story.go()
    return story


def test_an_assignment_rings_at_the_hosts_door():
    effects = effects_of(begun().run, ASSIGNED, CAUSE)
    assert [type(effect) for effect in effects] == [Ring]
    order = effects[0].order
    assert (effects[0].host, order.attempt, order.n) == ("h1", "ev.attempt.h1.octo.demo.7.a.1", 1)


def test_an_assignment_that_is_over_rings_nobody():
    assert effects_of(begun().starts("a").run, ASSIGNED, CAUSE) == []
    story = begun().loses("a")
    story.go()
    assert effects_of(story.run, ASSIGNED, CAUSE) == []


def test_a_start_arms_the_jobs_deadline_from_that_moment():
    story = begun(timeout_minutes=10).later(5).starts("a")
    timer = JobDeadline("octo", "demo", 7, JobKey("a"), 1)
    at = NOON + timedelta(seconds=5, minutes=10)
    assert effects_of_attempt(story.run, ADDRESS, STARTED) == [Arm("job.7.a.1", at, timer)]


def test_the_end_of_an_attempt_disarms_even_when_its_run_is_gone():
    assert effects_of_attempt(None, ADDRESS, AttemptFinished("success")) == [Disarm("job.7.a.1")]


def test_a_run_has_a_deadline_of_its_own():
    effects = effects_of(begun().run, RunStarted(1), CAUSE)
    assert [(e.key, e.timer) for e in effects] == [("run.7.1", RunDeadline("octo", "demo", 7, 1))]
    assert effects_of(begun().run, RunFinished("success", 1), CAUSE) == [Disarm("run.7.1")]


def test_a_request_to_stop_goes_to_the_host_once_the_attempt_is_there_and_not_later():
    story = begun().starts("a")
    story.cancel()
    event = JobCancelRequested(JobKey("a"), 1, "cancelled")
    effects = effects_of(story.run, event, CAUSE)
    assert [(type(e), e.host, e.order.reason) for e in effects] == [(Stop, "h1", "cancelled")]
    story.steps("a", "cancellation").ends("a", "cancellation")
    assert effects_of(story.run, event, CAUSE) == []


def test_what_the_state_wants_is_what_its_events_asked_for():
    story = begun()
    assert [type(effect) for effect in wanted(story.run, CAUSE)] == [Arm, Ring]
    story.starts("a")
    assert [effect.key for effect in wanted(story.run, CAUSE)] == ["run.7.1", "job.7.a.1"]
    story.steps("a", "success").ends("a")
    story.go()
    assert wanted(story.run, CAUSE) == []
