"""The fold: only what may follow follows, an illegal event tells its story, a lost attempt says no more."""

from __future__ import annotations

import pytest

from libs.contracts.attempt import AttemptFinished, AttemptStarted, StepFinished
from libs.contracts.ids import BootId, HostId, JobKey
from libs.contracts.run import (
    JobAssigned,
    JobCancelRequested,
    JobFinished,
    JobQueued,
    RunEvent,
    RunFinished,
    RunStarted,
)
from libs.contracts.subjects import AttemptAddress
from services.scheduler.evolve import evolve, evolve_attempt
from services.scheduler.transitions import JOB, RUN, IllegalTransition, diagram
from tests.unit.services.scheduler.story import NOON, Story, job, plan


def begun() -> Story:
    story = Story(plan(job("a")))
    story.go()
    return story


@pytest.mark.parametrize(
    "event",
    [
        RunStarted(1),
        JobAssigned(JobKey("a"), 2, HostId("h2")),
        JobFinished(JobKey("a"), "a", "a", "success", "success"),
        JobQueued(JobKey("a"), "a", "a", ("x",), 1),
        JobCancelRequested(JobKey("ghost"), 1, "cancelled"),
    ],
)
def test_what_cannot_follow_is_refused_with_its_story(event: RunEvent):
    with pytest.raises(IllegalTransition) as caught:
        evolve(begun().run, event, NOON)
    assert type(event).__name__ in str(caught.value)
    assert "JobAssigned a" in str(caught.value)


def test_an_attempts_number_is_never_used_again():
    story = begun().loses("a")
    story.apply([JobQueued(JobKey("a"), "a", "a", ("x",), 1)])
    with pytest.raises(IllegalTransition):
        evolve(story.run, JobAssigned(JobKey("a"), 1, HostId("h1")), NOON)


def test_nothing_of_a_job_follows_the_runs_end():
    story = begun()
    story.does("a")
    with pytest.raises(IllegalTransition):
        evolve(story.run, JobQueued(JobKey("a"), "a", "a", ("x",), 1), NOON)
    with pytest.raises(IllegalTransition):
        evolve(story.run, RunFinished("success"), NOON)


def test_a_run_begins_with_its_plan():
    with pytest.raises(IllegalTransition):
        evolve(None, RunStarted(1), NOON)


@pytest.mark.parametrize(("host", "n"), [("h2", 1), ("h1", 2), ("h1", 0)])
def test_the_word_of_somebody_who_does_not_own_the_attempt_is_nothing(host: str, n: int):
    story = begun().starts("a")
    address = AttemptAddress(HostId(host), "octo", "demo", story.run.id, JobKey("a"), n)
    assert evolve_attempt(story.run, address, AttemptFinished("success"), NOON) is story.run


def test_an_attempt_that_was_lost_says_no_more():
    story = begun().starts("a").loses("a")
    before = story.run
    story.says("a", StepFinished(0, "s", "success", "success"))
    assert story.run is before


def test_an_attempt_ends_only_after_it_began():
    story = begun()
    with pytest.raises(IllegalTransition):
        story.says("a", AttemptFinished("success"))


def test_a_stop_that_came_after_the_end_changes_no_verdict():
    story = begun().starts("a").steps("a", "success").ends("a", "success")
    story.apply([JobCancelRequested(JobKey("a"), 1, "timeout")])
    story.go()
    assert story.result("a") == ("success", "success")


def test_the_story_is_bounded():
    story = begun()
    for _ in range(40):
        story.refuses("a").go()
    assert len(story.run.story) == 16


def test_every_phase_is_in_the_diagrams():
    for machine, table in (("run", RUN), ("job", JOB)):
        text = diagram(machine)
        assert text.startswith("stateDiagram-v2\n    [*] -->")
        for phase, _ in table:
            assert phase in text
        assert all(len(line) < 200 for line in text.splitlines())


def test_started_is_noted_with_its_boot():
    story = begun()
    attempt = story.job("a").attempt
    started = AttemptStarted(story.run.id, JobKey("a"), 1, attempt.host, BootId("b2"), "host")
    story.says("a", started)
    assert (story.job("a").attempt.boot_id, story.job("a").attempt.driver) == ("b2", "host")
