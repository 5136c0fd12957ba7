"""How often a thing succeeds, with how sure that is: an old outcome counts less, and few outcomes lean on the parent.

Whoever calls leaves out what says nothing about the thing itself: cancelled, skipped, and errors of the infrastructure.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from services.learner.learning.beta import beta_quantile

NOW_SECONDS = 86_400.0
"""The half-life of the rate "now"."""
TREND_SECONDS = 14 * 86_400.0
"""The half-life of the rate "trend"."""
PRIOR_WEIGHT = 5.0
"""Kappa: the parent counts as five outcomes. On a real trace it brought the log-loss of tests from 0.050 to 0.018."""
PARENT_LOW, PARENT_HIGH = 0.005, 0.995
"""A parent that never failed yet leaves no room for doubt, and an interval that does not even hold its own mean."""
LOW_SHARE, HIGH_SHARE = 0.05, 0.95


class Rate(msgspec.Struct, frozen=True):
    """Mean and 5 to 95 % interval of the Beta distribution; `weight` is how many fresh outcomes are behind it."""

    mean: float
    low: float
    high: float
    weight: float


class Tally(msgspec.Struct, frozen=True, gc=False):
    """Decayed sums of what passed and failed, as of `at_seconds`: outcomes in order of time need no more memory."""

    passed: float = 0.0
    failed: float = 0.0
    at_seconds: float = 0.0


def success_rate(
    outcomes: Iterable[tuple[float, bool]], now_seconds: float, parent: float, half_life_seconds: float | None
) -> Rate:
    """Of (time, passed) pairs, in any order. `parent` is the pooled rate of what the thing belongs to, 0 to 1.

    w = 2^(-age / h), A = kappa m + sum of w over the passed, B = kappa (1 - m) + sum of w over the failed; mean
    A / (A + B), interval the 5 and 95 % quantiles of Beta(A, B), weight the sum of w. Without a half-life all weigh 1.
    An outcome of the future counts as of now.

    Source: reference B 1; an empirical-Bayes beta-binomial (Casella 1985) with exponential forgetting.
    """
    passed = failed = 0.0
    for at_seconds, good in outcomes:
        weight = decay(now_seconds - at_seconds, half_life_seconds)
        passed += weight * good
        failed += weight * (not good)
    return rate(Tally(passed, failed, now_seconds), parent)


def rate(tally: Tally, parent: float) -> Rate:
    a, b = posterior(tally, parent)
    return Rate(
        mean=a / (a + b),
        low=beta_quantile(LOW_SHARE, a, b),
        high=beta_quantile(HIGH_SHARE, a, b),
        weight=tally.passed + tally.failed,
    )


def posterior(tally: Tally, parent: float) -> tuple[float, float]:
    """A and B of the formula."""
    pooled = min(max(parent, PARENT_LOW), PARENT_HIGH)
    return PRIOR_WEIGHT * pooled + tally.passed, PRIOR_WEIGHT * (1 - pooled) + tally.failed


def count(tally: Tally, at_seconds: float, passed: bool, half_life_seconds: float | None) -> Tally:
    """The tally with one more outcome, which is not older than the last."""
    weight = decay(at_seconds - tally.at_seconds, half_life_seconds)
    passed_sum, failed_sum = tally.passed * weight, tally.failed * weight
    return Tally(passed_sum + passed, failed_sum + (not passed), max(at_seconds, tally.at_seconds))


def age(tally: Tally, at_seconds: float, half_life_seconds: float | None) -> Tally:
    """The same outcomes, seen from a later time."""
    if half_life_seconds is None:
        return tally
    weight = decay(at_seconds - tally.at_seconds, half_life_seconds)
    return Tally(tally.passed * weight, tally.failed * weight, max(at_seconds, tally.at_seconds))


def decay(age_seconds: float, half_life_seconds: float | None) -> float:
    if half_life_seconds is None or age_seconds <= 0:
        return 1.0
    return 2.0 ** (-age_seconds / half_life_seconds)
