"""Runs and jobs that wait at a gate, as readers see them: from the events that the scheduler really writes."""

from __future__ import annotations

import asyncio

import pytest

from libs.bus.memory import MemoryBus
from libs.contracts import subjects
from libs.contracts.envelope import commit
from libs.contracts.group import GroupChanged, Member, Ousted
from libs.contracts.ids import Cause, RepositoryId, RunId, commit_id
from libs.contracts.plan import Concurrency, Environment
from libs.views.run import RunView
from services.cli.commands.why import explain
from services.cli.groups import group_reasons
from tests.unit.libs.views.test_called import seen
from tests.unit.services.scheduler.story import NOON, Story, job, plan

OTHER = Member(RunId(99))


def reasons(view: RunView, state: GroupChanged) -> list[str]:
    async def ask() -> list[str]:
        bus = MemoryBus()
        subject = subjects.group(RepositoryId(1), "g")
        said = commit(id=commit_id(subject), source="t", subject=subject, cause=Cause("c"), now=NOON, events=[state])
        await bus.append(said, expected=0)
        return await group_reasons(bus, view)

    return asyncio.run(ask())


def test_a_run_that_waits_for_its_group_says_so_until_it_runs():
    story = Story(plan(job("a"), concurrency=Concurrency("g")))
    story.go()
    assert seen(story).why == "waits for the concurrency group g"
    story.group("g", story.member()).go()
    assert seen(story).why == ""


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (0, "run 99 holds it"),
        (1, "run 99 holds it, and one more comes first"),
        (2, "run 99 holds it, and 2 more come first"),
    ],
)
def test_who_holds_the_group_and_who_comes_first_is_read_off_its_log(ahead: int, said: str):
    story = Story(plan(job("a"), concurrency=Concurrency("g", queue="max")))
    story.go()
    first = tuple(Member(RunId(50 + number)) for number in range(ahead))
    state = GroupChanged("g", OTHER, (*first, story.member()))
    assert reasons(seen(story), state) == [f"the run waits for the concurrency group g: {said}"]


def test_a_holder_that_has_to_go_is_said_to_be_cancelled_and_who_holds_waits_for_nobody():
    story = Story(plan(job("a"), job("b", concurrency=Concurrency("g"))))
    story.go()
    state = GroupChanged("g", OTHER, (story.member("b"),), (Ousted(OTHER, "superseded"),))
    assert reasons(seen(story), state) == [
        "b waits for the concurrency group g: run 99 holds it, and is being cancelled"
    ]
    assert explain(seen(story).jobs["b"], seen(story), []) == ["b waits for the concurrency group g"]
    assert reasons(seen(story), GroupChanged("g", story.member("b"))) == []


def test_a_job_before_an_environment_says_whom_it_waits_for_and_what_became_of_it():
    story = Story(plan(job("deploy", environment=Environment("production"))))
    story.protect("production", reviewers=("monalisa", "hubot"), wait_minutes=1)
    story.go()
    waits = "waits for an approval for the environment production by monalisa or hubot, and 1 minute have to pass"
    assert seen(story).jobs["deploy"].why == waits
    assert explain(seen(story).jobs["deploy"], seen(story), []) == [f"deploy {waits}"]
    story.approve("monalisa", comment="go")
    view = seen(story)
    assert view.jobs["deploy"].environment == "production"
    assert any("monalisa approved it for the environment production: go" in line.text for line in view.story)


def test_a_run_that_was_superseded_names_the_one_that_superseded_it():
    story = Story(plan(job("a"), concurrency=Concurrency("g")))
    story.go()
    why = "superseded by run 8 in the concurrency group g"
    story.group("g", OTHER, ousted=(Ousted(story.member(), why),)).go()
    assert seen(story).why == why
    assert any(why in line.text for line in seen(story).story)
