"""What is advised after which history, and what of a history does not count."""

from __future__ import annotations

import pytest

from libs.contracts.advice import (
    AdviceGiven,
    CacheAdvice,
    DurationAdvice,
    FlakyAdvice,
    PoolAdvice,
    TimeoutAdvice,
)
from libs.contracts.results import Result
from libs.contracts.size import Size
from services.learner.advising import memory as memory_module
from services.learner.advising.wanted import wanted
from tests.unit.services.learner.advising.story import DECLARED_MS, MINUTE_MS, REPOSITORY, Story

NPM = (("npm ci", 90_000.0), ("npm test", 5_000.0))


def timeout(story: Story) -> TimeoutAdvice:
    story.give()
    (found,) = story.advised(TimeoutAdvice)
    assert isinstance(found, TimeoutAdvice)
    return found


def flaky(story: Story) -> dict[str, FlakyAdvice]:
    story.give()
    return {each.step: each for each in story.advised(FlakyAdvice) if isinstance(each, FlakyAdvice)}


def test_nothing_is_said_of_what_is_not_known() -> None:
    story = Story()
    assert story.give() == []
    story.run("cancellation")
    assert story.give() == []


def test_two_successes_give_an_estimate_and_three_a_limit() -> None:
    story = Story()
    story.run(ms=1000)
    story.run(ms=3000)
    story.give()
    (expected,) = story.stands.given.advice
    assert isinstance(expected, DurationAdvice)
    assert (expected.expected_ms, expected.n, expected.failed_lately) == (2000, 2, False)
    assert (expected.path, expected.job, expected.name) == (".github/workflows/ci.yml", "test", "Test")
    story.run(ms=2000)
    limit = timeout(story)
    assert (limit.limit_ms, limit.rule, limit.n, limit.longest_ms, limit.kills) == (12_000, "cold", 3, 3000, 0)


def test_the_floor_holds_and_what_is_declared_is_never_extended() -> None:
    story = Story(floor_ms=300_000)
    for _ in range(5):
        story.run(ms=1000)
    assert timeout(story).limit_ms == 300_000
    story = Story(floor_ms=300_000)
    for _ in range(5):
        story.run(ms=1000, declared_ms=60_000)
    story.give()
    assert story.advised(TimeoutAdvice) == []


def test_each_kill_doubles_the_limit_until_the_next_success() -> None:
    story = Story()
    for _ in range(12):
        story.run(ms=10_000)
    before = timeout(story).limit_ms
    for kills in (1, 2):
        story.run("timeout", before, limit_ms=before)
        now = timeout(story)
        assert (now.kills, now.limit_ms) == (kills, pytest.approx(before * 2**kills, abs=2))
    story.run("cancellation", 5.0)
    story.give()
    assert timeout(story).kills == 2
    story.run(ms=10_000)
    assert timeout(story).kills == 0


def test_what_the_declared_limit_ended_is_no_kill() -> None:
    story = Story()
    for _ in range(12):
        story.run(ms=10_000)
    story.run("timeout", DECLARED_MS)
    assert timeout(story).kills == 0


@pytest.mark.parametrize("outcome", ["timeout", "cancellation", "failure", "error", "skip"])
def test_only_successes_teach_how_long_a_job_takes(outcome: Result) -> None:
    story, other = Story(), Story()
    for _ in range(12):
        story.run(ms=10_000)
        other.run(ms=10_000)
        other.run(outcome, 3_000_000)
    ours, theirs = timeout(story), timeout(other)
    assert (ours.limit_ms, ours.n) == (theirs.limit_ms, theirs.n)


def test_strangers_and_trials_teach_nothing() -> None:
    story = Story()
    for _ in range(12):
        story.run(ms=10_000_000, trust="fork")
        story.run("failure", sha="a", trust="fork", failed=("Run make",))
        story.run(ms=1, trial=True)
    assert story.give() == []


def test_a_job_is_watched_at_one_commit_and_flaky_at_two() -> None:
    story = Story()
    story.run("failure", sha="a", failed=("Run make",))
    story.run("failure", sha="b", failed=("Run make",))
    assert flaky(story) == {}
    story.run(sha="a")
    assert {step: each.state for step, each in flaky(story).items()} == {"": "watch", "Run make": "watch"}
    story.run(sha="b")
    found = flaky(story)
    assert {step: each.state for step, each in found.items()} == {"": "flaky", "Run make": "flaky"}
    assert found[""].commits == ("a", "b")


def test_a_retry_that_passed_shows_it_and_so_does_a_rerun() -> None:
    story = Story()
    story.run(retried=1)
    assert flaky(story)[""].state == "watch"
    story.again(story.run("failure", failed=("Run make",)))
    assert flaky(story)[""].state == "flaky"


def test_what_fails_after_a_failure_is_not_flaky_for_it() -> None:
    story = Story()
    for sha in ("a", "b"):
        story.run("failure", sha=sha, failed=("Run tests", "Upload what went wrong"))
        story.run(sha=sha)
    assert set(flaky(story)) == {"", "Run tests"}


def test_a_step_before_the_one_that_failed_has_passed() -> None:
    story = Story()
    for sha in ("a", "b"):
        story.run("failure", sha=sha, failed=("Run first",))
        story.run("failure", sha=sha, commands=(("make", 1.0), ("make", 1.0)), failed=("Run second",))
    assert set(flaky(story)) == {"Run first"}


def test_what_was_asked_for_by_hand_is_compared_within_one_run_only() -> None:
    story = Story()
    for sha in ("a", "b"):
        story.run("failure", sha=sha, event="workflow_dispatch", failed=("Run make",))
        story.run(sha=sha, event="workflow_dispatch")
    assert flaky(story) == {}
    story.again(story.run("failure", event="workflow_dispatch"))
    assert flaky(story)[""].state == "watch"


def test_a_day_on_which_everything_fails_makes_nothing_flaky() -> None:
    story = Story()
    story.now -= story.now % 86_400
    story.run(sha="a", after_hours=0.1)
    story.run(sha="b", after_hours=0.1)
    for _ in range(12):
        story.run("failure", sha="a", after_hours=0.1)
        story.run("failure", sha="b", after_hours=0.1)
    assert flaky(story) == {}


def test_a_cache_is_suggested_with_the_lines_to_add_and_no_more_once_it_is_there() -> None:
    story = Story()
    for _ in range(3):
        story.run(commands=NPM, lockfiles=("package-lock.json",))
    story.give()
    (found,) = story.advised(CacheAdvice)
    assert isinstance(found, CacheAdvice)
    assert (found.tool, found.step, found.install_ms, found.n) == ("npm", "Run npm ci", 90_000, 3)
    assert found.cached == "~/.npm"
    assert "package-lock.json" in found.key
    assert found.action.startswith("actions/cache")
    story.run(commands=(("actions/cache", 900.0), ("npm ci", 20_000.0)), lockfiles=("package-lock.json",))
    story.give()
    assert story.advised(CacheAdvice) == []
    measured = story.measured("cache", "Run npm ci")
    assert (measured.seen, measured.applied, measured.right, measured.saved_ms) == (1, 1, 1, 70_000)


def test_without_a_lockfile_no_cache_is_suggested() -> None:
    story = Story()
    for _ in range(3):
        story.run(commands=NPM)
    story.give()
    assert story.advised(CacheAdvice) == []


def test_a_pool_follows_arrivals_whoever_they_are_of_and_never_exceeds_the_hosts_slots() -> None:
    story = Story()
    story.joins(slots=3)
    for _ in range(200):
        story.arrives(story.run(after_hours=0.01))
        story.arrives(story.run(after_hours=0.01, trust="fork"))
    story.give_hosts()
    pools = [each for each in story.stands.given.advice if isinstance(each, PoolAdvice)]
    assert {(each.trust, each.size) for each in pools} == {("own", Size(2, 4096)), ("fork", Size(2, 4096))}
    assert 1 <= sum(each.target for each in pools) <= 3
    story.arrives(story.run(), pooled=True)
    story.now += 8 * 86_400
    story.give_hosts()
    assert story.stands.given.advice == ()


def test_a_job_that_does_not_run_any_more_is_not_advised_of() -> None:
    story = Story()
    for _ in range(5):
        story.run()
    story.give()
    assert story.stands.given.advice
    story.now += 91 * 86_400
    assert next(each for each in story.give() if isinstance(each, AdviceGiven)).advice == ()


def test_advice_of_very_many_jobs_fits_a_message() -> None:
    story = Story()
    for number in range(memory_module.JOBS_KEPT + 10):
        for _ in range(3):
            story.run(job=f"job-{number:05}" + "x" * 300, after_hours=0.0001)
    pieces = wanted(story.memory, REPOSITORY, story.now, story.floor_ms)
    assert 500 < len(pieces) < 4_000
    assert any(
        f"job-{memory_module.JOBS_KEPT + 9:05}" in piece.job for piece in pieces if not isinstance(piece, PoolAdvice)
    )
    assert len(story.memory.jobs) == len(story.memory.repositories[REPOSITORY].jobs) == memory_module.JOBS_KEPT


def test_durations_are_told_again_only_when_they_moved() -> None:
    story = Story()
    for _ in range(12):
        story.run(ms=MINUTE_MS)
    assert story.give()
    for _ in range(5):
        story.run(ms=MINUTE_MS * 1.01)
        assert story.give() == []
    for _ in range(20):
        story.run(ms=MINUTE_MS * 2)
    assert story.give()


def test_a_job_that_failed_lately_is_told_at_once() -> None:
    story = Story()
    for _ in range(3):
        story.run()
    story.give()
    story.run("failure")
    story.give()
    assert [each.failed_lately for each in story.advised(DurationAdvice) if isinstance(each, DurationAdvice)] == [True]


def test_deciding_twice_says_nothing_new() -> None:
    story = Story()
    for outcome in ("success", "failure", "success", "success", "timeout", "success"):
        story.run(outcome, sha="a")
        story.give()
        assert story.give() == []
