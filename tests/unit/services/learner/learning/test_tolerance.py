"""The factors beside what is published (Natrella, table A-7), and the shape that the rule relies on."""

from __future__ import annotations

import pytest

from services.learner.learning.tolerance import tolerance_factor

PUBLISHED = {
    (0.90, 0.95): {3: 6.158, 5: 3.407, 10: 2.355, 20: 1.926, 50: 1.646},
    (0.95, 0.95): {3: 7.655, 5: 4.202, 10: 2.911, 20: 2.396, 50: 2.065},
    (0.99, 0.95): {3: 10.552, 5: 5.741, 10: 3.981, 20: 3.295, 50: 2.863},
    (0.99, 0.99): {10: 5.074, 20: 3.832, 50: 3.124},
    (0.999, 0.95): {5: 7.501, 10: 5.203, 20: 4.319, 50: 3.766},
}


@pytest.mark.parametrize(("shares", "factors"), PUBLISHED.items())
def test_the_factors_are_the_published_ones(shares: tuple[float, float], factors: dict[int, float]) -> None:
    share, confidence = shares
    for n, factor in factors.items():
        assert tolerance_factor(n, share, confidence) == pytest.approx(factor, rel=1e-3)


def test_a_larger_sample_needs_less_and_none_needs_less_than_the_quantile() -> None:
    factors = [tolerance_factor(n) for n in (10, 11, 20, 50, 100, 200)]
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] > 3.719


def test_two_durations_say_too_little() -> None:
    with pytest.raises(ValueError, match="a sample of 2"):
        tolerance_factor(2)
