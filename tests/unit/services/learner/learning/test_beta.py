"""The Beta distribution beside the cases that have a closed form."""

from __future__ import annotations

import pytest

from services.learner.learning.beta import beta_below, beta_quantile


@pytest.mark.parametrize("x", [0.0, 0.01, 0.3, 0.5, 0.77, 1.0])
def test_the_uniform_and_the_powers_are_themselves(x: float) -> None:
    assert beta_below(x, 1, 1) == pytest.approx(x)
    assert beta_below(x, 7, 1) == pytest.approx(x**7)
    assert beta_below(x, 1, 7) == pytest.approx(1 - (1 - x) ** 7)
    assert beta_below(x, 2, 2) == pytest.approx(3 * x**2 - 2 * x**3)


def test_a_quantile_is_where_so_much_lies_below() -> None:
    for a, b in ((0.5, 0.5), (0.5, 40.0), (3.0, 1.5), (900.0, 100.0), (20_000.0, 3.0)):
        for share in (0.05, 0.5, 0.95):
            assert beta_below(beta_quantile(share, a, b), a, b) == pytest.approx(share, abs=1e-6)


def test_all_of_95_that_passed_leave_a_lower_bound_in_closed_form() -> None:
    assert beta_quantile(0.05, 95, 1) == pytest.approx(0.05 ** (1 / 95))
