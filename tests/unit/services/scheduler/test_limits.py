"""A learned limit shortens a job's time by opt-in, with its evidence, and never goes beyond what is declared."""

from __future__ import annotations

import pytest

from libs.contracts.ids import Cause, JobKey
from libs.contracts.results import Result
from libs.contracts.run import TimeoutAdjusted, TimeoutEvidence
from libs.contracts.size import Size
from libs.contracts.timers import JobDeadline
from services.scheduler.effects import Arm, wanted
from services.scheduler.learned import Bounds
from services.scheduler.orders import order_of
from tests.unit.services.scheduler.advised import flaky, limit
from tests.unit.services.scheduler.story import Story, host, job, matrix, plan, types


def adjusted(story: Story) -> list[TimeoutAdjusted]:
    return [event for event in story.events if isinstance(event, TimeoutAdjusted)]


def deadline(story: Story, key: str = "a") -> None:
    mine = story.job(key)
    assert mine.attempt is not None
    story.fires(JobDeadline("octo", "demo", story.run.id, mine.key, mine.attempt.n))
    story.steps(key, "cancellation").ends(key, "timeout").go()


def test_it_is_adjusted_in_the_commit_that_queues_the_job_and_holds_for_order_and_deadline():
    story = Story(plan(job("a"))).knows(limit("a", 420), timeouts="apply")
    assert types(story.go()) == ["RunStarted", "JobQueued", "TimeoutAdjusted", "JobAssigned"]
    evidence = TimeoutEvidence(position=100, rule="warm", n=41, longest_ms=190_000.0, upper_ms=1.0)
    assert adjusted(story) == [TimeoutAdjusted(JobKey("a"), 360 * 60_000, 420_000, evidence)]
    assert order_of(story.run, JobKey("a"), Cause("c")).timeout_ms == 420_000
    story.starts("a")
    (arm,) = [e for e in wanted(story.run, Cause("c")) if isinstance(e, Arm) and e.key.startswith("job.")]
    assert (arm.at - story.now).total_seconds() == 420


@pytest.mark.parametrize(
    ("seconds", "declared_minutes", "floor_ms", "limit_ms"),
    [
        (420, 360, 2_000, 420_000),
        (1, 360, 2_000, 2_000),
        (1, 360, 300_000, 300_000),
        (420, 7, 2_000, None),
        (420, 1, 2_000, None),
        (1, 1, 300_000, None),
    ],
)
def test_never_under_the_floor_and_never_beyond_what_is_declared(
    seconds: float, declared_minutes: int, floor_ms: int, limit_ms: int | None
) -> None:
    story = Story(plan(job("a", timeout_minutes=declared_minutes)))
    story.knows(limit("a", seconds), timeouts="apply", bounds=Bounds(floor_ms=floor_ms)).go()
    assert [event.to_ms for event in adjusted(story)] == ([] if limit_ms is None else [limit_ms])
    assert story.job("a").timeout_ms == (limit_ms or declared_minutes * 60_000)


@pytest.mark.parametrize(
    ("fields", "opt_ins", "bounds"),
    [
        ({}, {}, Bounds()),
        ({}, {"timeouts": "shadow", "retry_flaky": 3}, Bounds()),
        ({}, {"timeouts": "apply"}, Bounds(frozenset({"timeouts"}))),
        ({"trust": "fork"}, {"timeouts": "apply"}, Bounds()),
        ({"trial": "p1"}, {"timeouts": "apply"}, Bounds()),
        ({"workflow_path": ".github/workflows/other.yml"}, {"timeouts": "apply"}, Bounds()),
    ],
)
def test_nothing_is_adjusted_without_opt_in_where_it_is_forbidden_and_for_strangers(
    fields: dict[str, object], opt_ins: dict[str, object], bounds: Bounds
) -> None:
    story = Story(plan(job("a"), **fields), host(takes_forks=True, largest=Size(2, 4096))).knows(
        limit("a", 420), bounds=bounds, **opt_ins
    )
    assert types(story.go()) == ["RunStarted", "JobQueued", "JobAssigned"]


def test_a_job_that_it_ended_says_whose_limit_it_was():
    story = Story(plan(job("a"))).knows(limit("a", 420), timeouts="apply")
    story.go()
    deadline(story.starts("a"))
    assert story.result("a") == ("timeout", "timeout")
    assert story.end_of("a").why == (
        "it ran longer than the learned limit of 7 min (41 successes, longest 3 min 10 s); declared: 360 minutes"
    )


def test_a_declared_limit_is_told_as_before():
    story = Story(plan(job("a", timeout_minutes=2))).knows(limit("a", 420), timeouts="apply")
    story.go()
    deadline(story.starts("a"))
    assert story.end_of("a").why == "it ran longer than 2 minutes"


def test_what_is_tried_again_after_an_error_is_adjusted_anew_by_the_newest_advice():
    story = Story(plan(job("a"))).knows(limit("a", 420), timeouts="apply")
    story.go()
    story.knows(limit("a", 600), timeouts="apply", position=200)
    assert types(story.starts("a").loses("a").go()) == ["JobQueued", "TimeoutAdjusted", "JobAssigned"]
    assert [(event.from_ms, event.to_ms, event.evidence.position) for event in adjusted(story)] == [
        (360 * 60_000, 420_000, 100),
        (360 * 60_000, 600_000, 200),
    ]


@pytest.mark.parametrize(("advised", "kills"), [(420, 1), (840, 1)])
def test_a_rerun_after_it_ended_the_job_has_twice_the_limit_also_before_the_learner_says_so(advised: int, kills: int):
    story = Story(plan(job("a"))).knows(limit("a", 420), timeouts="apply")
    story.go()
    deadline(story.starts("a"))
    story.knows(limit("a", advised, kills=1 if advised == 840 else 0), timeouts="apply").rerun(failed=True)
    assert (adjusted(story)[-1].to_ms, adjusted(story)[-1].evidence.kills) == (840_000, kills)
    story.does("a")
    story.knows(limit("a", 420), timeouts="apply").rerun("r2")
    assert adjusted(story)[-1].to_ms == 420_000, "it succeeded since"


def test_each_job_of_a_matrix_has_its_own():
    story = Story(plan(job("a", strategy=matrix({"os": ["x", "y"]}))))
    story.go()
    first, second = sorted(story.run.jobs)
    story = Story(plan(job("a", strategy=matrix({"os": ["x", "y"]})))).knows(limit(first, 60), timeouts="apply")
    story.go()
    assert {story.job(first).timeout_ms, story.job(second).timeout_ms} == {60_000, 360 * 60_000}


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_a_flaky_attempt_that_is_followed_by_another_is_adjusted_too(outcome: Result) -> None:
    story = Story(plan(job("a"))).knows(limit("a", 60), flaky("a"), timeouts="apply", retry_flaky=1)
    story.go()
    assert types(story.does("a", "failure")) == ["JobQueued", "TimeoutAdjusted", "JobAssigned"]
    story.does("a", outcome)
    assert story.result("a") == (outcome, outcome)
