"""The limit, rule by rule."""

from __future__ import annotations

from math import exp, log

import pytest

from services.learner.learning.timeouts import WINDOW, Window, limit
from services.learner.learning.tolerance import tolerance_factor

MINUTE = 60_000.0
FLOOR = 5 * MINUTE
DECLARED = 360 * MINUTE


@pytest.mark.parametrize("successes", [[], [MINUTE], [MINUTE] * 2])
def test_below_three_successes_what_is_declared_holds(successes: list[float]) -> None:
    known = limit(successes, 0, FLOOR, DECLARED)
    assert (known.limit_ms, known.rule, known.n) == (DECLARED, "declared", len(successes))


@pytest.mark.parametrize("n", [3, 9])
def test_from_three_on_it_is_four_times_the_longest(n: int) -> None:
    known = limit([10 * MINUTE] * (n - 1) + [20 * MINUTE], 0, FLOOR, DECLARED)
    assert (known.limit_ms, known.rule, known.factor) == (80 * MINUTE, "cold", 4)


def test_from_ten_on_it_is_three_times_the_longest_of_a_steady_job() -> None:
    known = limit([10 * MINUTE] * 10, 0, FLOOR, DECLARED)
    assert known.rule == "warm"
    assert known.upper_ms == 15 * MINUTE
    assert known.limit_ms == 30 * MINUTE
    assert known.factor == tolerance_factor(10)


def test_a_job_whose_durations_spread_gets_the_tolerance_bound() -> None:
    durations = [(5 if number % 2 else 20) * MINUTE for number in range(20)]
    known = limit(durations, 0, FLOOR, 10 * DECLARED)
    assert known.limit_ms == pytest.approx(exp(known.mu + tolerance_factor(20) * known.sigma))
    assert known.mu == pytest.approx(log(10 * MINUTE))
    assert known.limit_ms > 2 * known.upper_ms


@pytest.mark.parametrize(("n", "upper"), [(98, 1.5 * 98), (99, 99), (198, 198), (199, 198), (200, 199)])
def test_the_upper_quantile_is_the_sample_at_its_rank(n: int, upper: float) -> None:
    known = limit([(number + 1) * MINUTE for number in range(n)], 0, FLOOR, DECLARED * 100)
    assert known.upper_ms == pytest.approx(upper * MINUTE)


def test_a_duration_that_the_rank_leaves_out_still_is_under_the_limit() -> None:
    known = limit([10 * MINUTE] * 199 + [300 * MINUTE], 0, FLOOR, DECLARED)
    assert known.limit_ms == known.longest_ms == 300 * MINUTE


def test_only_the_last_200_successes_count() -> None:
    recent = [10 * MINUTE] * WINDOW
    assert limit([300 * MINUTE, *recent], 0, FLOOR, DECLARED) == limit(recent, 0, FLOOR, DECLARED)


def test_each_kill_since_the_last_success_doubles_it() -> None:
    limits = [limit([10 * MINUTE] * 10, kills, FLOOR, DECLARED).limit_ms / MINUTE for kills in range(6)]
    assert limits == [30, 60, 120, 240, 360, 360]


def test_the_floor_doubles_as_well_or_a_short_job_would_never_get_out() -> None:
    assert [limit([MINUTE] * 10, kills, FLOOR, DECLARED).limit_ms / MINUTE for kills in (0, 1, 2)] == [5, 10, 20]


def test_a_declared_limit_under_the_floor_holds() -> None:
    assert limit([MINUTE] * 10, 3, FLOOR, 2 * MINUTE).limit_ms == 2 * MINUTE


def test_no_number_of_kills_is_too_large() -> None:
    assert limit([MINUTE] * 10, 1_000_000, FLOOR, DECLARED).limit_ms == DECLARED


def test_durations_without_length_and_without_end_are_survived() -> None:
    assert limit([0.0] * 20, 0, FLOOR, DECLARED).limit_ms == FLOOR
    assert limit([1e300, 1.0] * 20, 0, FLOOR, DECLARED).limit_ms == DECLARED


def test_a_window_forgets_what_left_it() -> None:
    window = Window()
    for number in range(1_000):
        window.add(float(number * number % 977 + 1))
    fresh = Window()
    for number in range(800, 1_000):
        fresh.add(float(number * number % 977 + 1))
    assert window.sample().mu == pytest.approx(fresh.sample().mu)
    assert window.sample().sigma == pytest.approx(fresh.sample().sigma)
    assert window.sample().upper_ms == fresh.sample().upper_ms
