"""A run that calls workflows, as readers see it: from the events that the scheduler really writes."""

from __future__ import annotations

import pytest

from libs.contracts import subjects
from libs.contracts.envelope import Commit, commit, decode_commit, encode
from libs.contracts.ids import Cause, RunId, commit_id
from libs.contracts.run import RunPlanned
from libs.views.fold import take_plan, view_of
from libs.views.run import RunView
from libs.views.summary import summary
from services.cli.commands.why import explain
from tests.unit.services.scheduler.story import NOON, Story, job, matrix
from tests.unit.services.scheduler.test_calls import call, called, calling


def commits(story: Story, *, inline: bool = True) -> list[Commit]:
    """The run's own subject; a plan that is not inline is in a blob that the reader has not fetched."""
    subject = subjects.run("octo", "demo", RunId(7))
    events = [RunPlanned(story.run.plan if inline else None), *story.events]
    made = [
        commit(id=commit_id(subject, n), source="t", subject=subject, cause=Cause("c"), now=NOON, events=[event])
        for n, event in enumerate(events)
    ]
    return [decode_commit(encode(each)) for each in made]


def seen(story: Story) -> RunView:
    view = view_of(commits(story))
    assert view is not None
    return view


def states(view: RunView) -> dict[str, str]:
    return {job.name: job.conclusion or job.state for job in view.jobs.values()}


def story() -> Story:
    return calling(
        called(job("a", name="First"), job("b", needs=("a",))),
        call("lib", name="Library"),
        job("after", needs=("lib",)),
    )


def test_called_jobs_are_shown_behind_their_callers_name_with_what_they_wait_for():
    telling = story()
    view = seen(telling)
    assert states(view) == {
        "Library": "calling",
        "Library / First": "assigned",
        "Library / b": "waiting",
        "after": "waiting",
    }
    assert view.jobs["lib~b"].needs == ("lib~a",)  # type: ignore[index]
    telling.does("lib~a")
    telling.does("lib~b")
    assert states(seen(telling))["Library"] == "success"
    assert [each.id for each in summary(seen(telling)).jobs] == ["lib", "lib~a", "lib~b", "after"]


@pytest.mark.parametrize("inline", [True, False])
def test_a_plan_that_comes_later_makes_the_same(inline: bool):
    telling = story()
    view = view_of(commits(telling, inline=inline))
    assert view is not None
    take_plan(view, telling.run.plan)
    assert states(view)["Library / b"] == "waiting"
    assert view.jobs["lib~b"].caller == "lib"  # type: ignore[index]


def test_why_says_what_a_call_and_what_a_called_job_waits_for():
    view = seen(story())
    reasons = [reason for key in ("lib", "lib~b", "after") for reason in explain(view.jobs[key], view, [])]  # type: ignore[index]
    assert reasons == [
        "lib waits for the jobs of the workflow that it calls: Library / First, Library / b",
        "lib~b waits for lib~a",
        "after waits for lib",
    ]


def test_a_rerun_of_some_called_jobs_leaves_the_call_open():
    telling = story()
    telling.does("lib~a")
    telling.does("lib~b", "failure")
    telling.rerun(failed=True)
    assert states(seen(telling)) == {
        "Library": "calling",
        "Library / First": "success",
        "Library / b": "assigned",
        "after": "waiting",
    }
    telling.does("lib~b")
    telling.does("after")
    telling.rerun("r2", jobs=("lib",))
    assert states(seen(telling))["Library / First"] == "assigned"


def test_why_says_that_a_call_waits_for_its_turn():
    library = called(job("a"))
    view = seen(calling(library, call("lib", strategy=matrix({"n": [1, 2]}, max_parallel=1))))
    (waiting,) = [job for job in view.jobs.values() if job.state == "waiting"]
    assert explain(waiting, view, []) == [f"{waiting.key} waits for its turn (`max-parallel`): lib (1)"]
