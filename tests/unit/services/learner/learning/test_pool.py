"""How many machines stand ready."""

from __future__ import annotations

import pytest

from services.learner.learning.pool import UNKNOWN_DISPERSION, pool_size

HOUR = 3600.0


def test_nobody_came_nobody_waits() -> None:
    assert pool_size([], 60, HOUR).size == 0


def test_what_comes_regularly_needs_little_more_than_its_mean() -> None:
    known = pool_size([number * 10.0 for number in range(1_000)], 60, 9_990)
    assert known.rate_per_hour == pytest.approx(360, rel=0.02)
    assert known.dispersion == 1
    assert known.size == 10  # ceil(6 + 1.28 sqrt(6))


def test_the_same_number_in_bursts_needs_more() -> None:
    regular = [number * 60.0 for number in range(600)]
    bursts = [number // 10 * 600.0 for number in range(600)]
    assert pool_size(bursts, 60, 36_000).dispersion > 8
    assert pool_size(bursts, 60, 36_000).size > pool_size(regular, 60, 36_000).size


def test_few_arrivals_are_taken_to_come_in_bursts() -> None:
    assert pool_size([0.0, 50.0], 60, HOUR).dispersion == UNKNOWN_DISPERSION
    assert pool_size([0.0] * 100, 60, 60).dispersion == UNKNOWN_DISPERSION


def test_what_came_before_the_horizon_does_not_count() -> None:
    recent = [1e6 + number for number in range(100)]
    assert pool_size([0.0] * 500 + recent, 10, 1_000) == pool_size(recent, 10, 1_000)


@pytest.mark.parametrize(("window", "horizon"), [(0, HOUR), (60, 0)])
def test_a_window_of_nothing_is_an_error(window: float, horizon: float) -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        pool_size([1.0], window, horizon)
