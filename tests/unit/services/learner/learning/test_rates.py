"""Success rates: what counts how much."""

from __future__ import annotations

import pytest

from services.learner.learning.rates import NOW_SECONDS, Tally, count, rate, success_rate

DAY = 86_400.0


def test_without_outcomes_the_parent_speaks() -> None:
    known = success_rate([], 0.0, 0.8, None)
    assert known.mean == pytest.approx(0.8)
    assert known.weight == 0
    assert known.low < 0.8 < known.high


def test_the_parent_weighs_five_outcomes() -> None:
    assert success_rate([(0.0, True)] * 5, 0.0, 0.5, None).mean == pytest.approx((2.5 + 5) / 10)


def test_an_outcome_of_one_half_life_ago_counts_half() -> None:
    known = success_rate([(0.0, False)], NOW_SECONDS, 0.5, NOW_SECONDS)
    assert known.weight == pytest.approx(0.5)
    assert known.mean == pytest.approx(2.5 / 5.5)


def test_now_sees_what_the_trend_hardly_does() -> None:
    outcomes = [(day * DAY, True) for day in range(60)] + [(60 * DAY, False)] * 3
    now = success_rate(outcomes, 60 * DAY, 0.9, DAY)
    trend = success_rate(outcomes, 60 * DAY, 0.9, 14 * DAY)
    assert now.mean < 0.7 < 0.8 < trend.mean


def test_an_outcome_of_the_future_counts_as_of_now() -> None:
    assert success_rate([(DAY, True)], 0.0, 0.5, DAY) == success_rate([(0.0, True)], 0.0, 0.5, DAY)


@pytest.mark.parametrize("parent", [0.0, 1.0])
def test_a_parent_that_never_saw_the_other_outcome_leaves_room_for_it(parent: float) -> None:
    known = success_rate([], 0.0, parent, None)
    assert 0 < known.mean < 1
    assert known.low < known.mean < known.high


def test_a_tally_that_grows_is_the_same_as_all_outcomes_at_once() -> None:
    outcomes = [(hour * 3600.0, hour % 3 != 0) for hour in range(100)]
    tally = Tally()
    for at_seconds, passed in outcomes:
        tally = count(tally, at_seconds, passed, DAY)
    at_once = success_rate(outcomes, 99 * 3600.0, 0.6, DAY)
    one_by_one = rate(tally, 0.6)
    assert one_by_one.mean == pytest.approx(at_once.mean)
    assert one_by_one.weight == pytest.approx(at_once.weight)
