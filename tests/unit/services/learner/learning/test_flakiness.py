"""What is flaky, what is watched, and what has recovered."""

from __future__ import annotations

import pytest

from services.learner.learning.flakiness import (
    Flakiness,
    Observation,
    by_lower_bound,
    flakiness,
    infrastructure_days,
)

DAY = 86_400.0
NOW = 100 * DAY


def flaked(sha: str, day: float, inputs: str = "") -> list[Observation]:
    return [Observation(day * DAY, sha, False, inputs=inputs), Observation(day * DAY + 60, sha, True, inputs=inputs)]


def clean(count: int, day: float) -> list[Observation]:
    return [Observation(day * DAY + number, f"clean{day}-{number}", True) for number in range(count)]


def test_a_commit_that_passed_and_failed_is_watched() -> None:
    known = flakiness(flaked("a", 99), NOW)
    assert (known.state, known.commits, known.last_seconds) == ("watch", ("a",), 99 * DAY + 60)


def test_two_commits_within_two_weeks_are_flaky() -> None:
    known = flakiness(flaked("a", 86) + flaked("b", 99), NOW)
    assert (known.state, known.commits) == ("flaky", ("a", "b"))


def test_two_commits_further_apart_are_watched() -> None:
    assert flakiness(flaked("a", 80) + flaked("b", 99), NOW).state == "watch"


def test_the_same_commit_twice_is_one_commit() -> None:
    assert flakiness(flaked("a", 98) + flaked("a", 99), NOW).state == "watch"


def test_the_order_of_the_outcomes_does_not_matter() -> None:
    passed_first = [Observation(99 * DAY, "a", True), Observation(99 * DAY + 60, "a", False)]
    assert flakiness(passed_first, NOW).state == "watch"
    assert flakiness(list(reversed(flaked("a", 99))), NOW) == flakiness(flaked("a", 99), NOW)


def test_passing_when_retried_is_enough() -> None:
    assert flakiness([Observation(99 * DAY, "a", True, retried=True)], NOW).state == "watch"
    assert flakiness([Observation(99 * DAY, "a", False, retried=True)], NOW).state == "none"


def test_what_was_mended_by_another_commit_or_ran_with_other_inputs_is_not_flaky() -> None:
    mended = [Observation(98 * DAY, "a", False), Observation(99 * DAY, "b", True)]
    other = [Observation(98 * DAY, "a", False, inputs="x"), Observation(99 * DAY, "a", True, inputs="y")]
    assert flakiness(mended, NOW).state == flakiness(other, NOW).state == "none"


def test_it_recovers_after_a_week_and_fifty_runs() -> None:
    events = flaked("a", 80) + flaked("b", 85)
    assert flakiness(events + clean(50, 90), NOW) == Flakiness("none", (), 0.0, 50, 85 * DAY + 60)


@pytest.mark.parametrize(("runs", "now"), [(49, 100.0), (50, 92.0)])
def test_neither_alone_is_a_recovery(runs: int, now: float) -> None:
    events = flaked("a", 80) + flaked("b", 85.5)
    known = flakiness(events + clean(runs, 90), now * DAY)
    assert (known.state, known.clean_runs) == ("flaky", runs)


def test_after_a_recovery_it_begins_anew() -> None:
    before = flaked("a", 80) + flaked("b", 81) + clean(50, 85)
    known = flakiness(before + flaked("c", 92), NOW)
    assert (known.state, known.commits) == ("watch", ("c",))


def test_the_lower_bound_is_under_the_share_and_falls_with_what_passes() -> None:
    events = flaked("a", 90) + flaked("b", 91)
    alone = flakiness(events, NOW).lower_bound
    diluted = flakiness(events + clean(30, 95), NOW).lower_bound
    assert 0 < diluted < 2 / 32 < alone < 1


def test_of_nothing_nothing_is_known() -> None:
    assert flakiness([], NOW) == Flakiness("none", (), 0.0, 0, 0.0)


def test_a_day_on_which_nearly_everything_failed_is_the_infrastructures() -> None:
    outcomes = [(DAY + number, number < 1) for number in range(10)]
    outcomes += [(2 * DAY + number, number < 2) for number in range(10)]
    outcomes += [(3 * DAY + number, False) for number in range(9)]
    assert infrastructure_days(outcomes) == {1}


def test_the_surest_comes_first() -> None:
    sure = flakiness(flaked("a", 90) + flaked("b", 91), NOW)
    unsure = flakiness(flaked("a", 90) + flaked("b", 91) + clean(20, 95), NOW)
    watched = flakiness(flaked("a", 90), NOW)
    named = {"fine": flakiness(clean(3, 90), NOW), "unsure": unsure, "watched": watched, "sure": sure}
    assert by_lower_bound(named) == ["sure", "unsure", "watched", "fine"]
