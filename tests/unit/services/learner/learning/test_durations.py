from __future__ import annotations

from services.learner.learning.durations import expected_ms


def test_it_is_the_median_of_the_last_fifty() -> None:
    assert expected_ms([1_000_000.0] * 30 + [10.0] * 24 + [20.0] * 26) == 20.0


def test_of_nothing_nothing_is_expected() -> None:
    assert expected_ms([]) is None
