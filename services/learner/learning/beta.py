"""The quantiles of the Beta distribution, with the standard library alone: SciPy would be forty megabytes for this."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

TINY = 1e-300
FRACTION_STEPS = 500
"""The continued fraction needs about as many steps as the square root of the larger parameter: enough for 100,000."""
FRACTION_ERROR = 1e-12
HALVINGS = 60
"""Halving the unit interval so often leaves less than a double can tell."""


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x that `share` of a Beta(a, b) lies below, by halving. `a` and `b` are over 0, `share` between 0 and 1."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if beta_below(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_below(x: float, a: float, b: float) -> float:
    """How much of a Beta(a, b) lies below x: the regularised incomplete beta function.

    Source: Abramowitz and Stegun 26.5.8 (the continued fraction), evaluated by Lentz's method; mirrored where x lies
    beyond (a + 1) / (a + b + 2), where the fraction converges slowly.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _front(1 - x, b, a) * _fraction(1 - x, b, a)
    return _front(x, a, b) * _fraction(x, a, b)


def _front(x: float, a: float, b: float) -> float:
    return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a


def _fraction(x: float, a: float, b: float) -> float:
    upper, lower = 1.0, 1.0 / _never_zero(1 - (a + b) * x / (a + 1))
    value = lower
    for m in range(1, FRACTION_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            lower = 1.0 / _never_zero(1 + numerator * lower)
            upper = _never_zero(1 + numerator / upper)
            value *= upper * lower
        if abs(upper * lower - 1) < FRACTION_ERROR:
            break
    return value


def _never_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
