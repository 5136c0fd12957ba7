"""After how long a job or a step is taken to hang: far above what its own successes took, never above what it declares.

Only successes teach. What was killed or cancelled would have taken longer than it did (it is right-censored), so its
duration never comes in here; that it was killed does, as `kills`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from math import ceil, exp, log, sqrt
from typing import Literal

import msgspec

from services.learner.learning.tolerance import tolerance_factor

WINDOW = 200
"""Successes that are looked at: enough for a spread to be known, few enough to follow a job that grows."""
COLD, WARM = 3, 10
"""Below the first nothing is known but what is declared; from the second on a spread is."""
COLD_FACTOR = 4.0
UPPER_SHARE = 0.99
UPPER_FACTOR = 2.0
BEYOND_FACTOR = 1.5
"""For the upper quantile of a sample that is too small to have one."""
LEAST_SIGMA = 0.1
"""Jobs that took the same time ten times over still differ by a tenth."""
KILL_FACTOR = 2.0
MOST_DOUBLINGS = 40
"""More of them are beyond any number that can be declared."""
LEAST_MS = 1.0

Rule = Literal["declared", "cold", "warm"]


class Limit(msgspec.Struct, frozen=True):
    """`limit_ms` and what it was made of. `upper_ms` is U, `mu` and `sigma` are of the logarithms, `factor` is what the
    rule multiplies by: 0 of `declared`, the largest's of `cold`, k_n of `warm`.
    """

    limit_ms: float
    rule: Rule
    n: int
    longest_ms: float
    upper_ms: float
    mu: float
    sigma: float
    factor: float
    kills: int


class Sample(msgspec.Struct, frozen=True):
    """What the formula needs of the window."""

    n: int
    longest_ms: float
    upper_ms: float
    mu: float
    sigma: float


def limit(successes_ms: Sequence[float], kills: int, floor_ms: float, declared_ms: float) -> Limit:
    """Of the durations of a job's successes, oldest first, and of how often it was killed since the last of them.

    W = the last 200 successes, n = |W|.
    n < 3: what is declared. n < 10: 4 max(W).
    Else: max(2 U, exp(mu + k_n sigma), max(W)), where U = W(ceil(0.99 (n + 1))), the ordered sample at that rank, or
    1.5 max(W) where it has no such rank; mu and sigma (at least 0.1) are of ln W; k_n is the one-sided tolerance
    factor for 0.9999 of the population at 95 % confidence.
    Then: at least the floor, twice that for each kill since the last success (as RFC 6298, 5.5 backs off), and never
    more than is declared: that is a contract.

    Source: reference B 3; max(W) is added (decision 29): with n >= 199 the rank leaves one success out.
    """
    window = Window()
    for duration_ms in successes_ms[-WINDOW:]:
        window.add(duration_ms)
    return limit_of(window.sample(), kills, floor_ms, declared_ms)


def limit_of(sample: Sample, kills: int, floor_ms: float, declared_ms: float) -> Limit:
    rule, factor, raw_ms = _raw(sample, declared_ms)
    backed_off_ms = max(raw_ms, floor_ms) * KILL_FACTOR ** min(max(kills, 0), MOST_DOUBLINGS)
    return Limit(
        limit_ms=min(backed_off_ms, declared_ms),
        rule=rule,
        n=sample.n,
        longest_ms=sample.longest_ms,
        upper_ms=sample.upper_ms,
        mu=sample.mu,
        sigma=sample.sigma,
        factor=factor,
        kills=kills,
    )


def _raw(sample: Sample, declared_ms: float) -> tuple[Rule, float, float]:
    if sample.n < COLD:
        return "declared", 0.0, declared_ms
    if sample.n < WARM:
        return "cold", COLD_FACTOR, COLD_FACTOR * sample.longest_ms
    factor = tolerance_factor(sample.n)
    tolerated_ms = exp(min(sample.mu + factor * sample.sigma, log(max(declared_ms, LEAST_MS))))
    return "warm", factor, max(UPPER_FACTOR * sample.upper_ms, tolerated_ms, sample.longest_ms)


class Window:
    """The last 200 successes of one key, in the order that they came and in the order of their length.

    It is the one thing here that changes: a replay adds a million durations, and sorting 200 for each would be most of
    its time.
    """

    def __init__(self) -> None:
        self._arrived: deque[float] = deque()
        self._ordered: list[float] = []
        self._sum = 0.0
        self._squares = 0.0

    def add(self, duration_ms: float) -> None:
        duration_ms = max(duration_ms, LEAST_MS)
        self._arrived.append(duration_ms)
        insort(self._ordered, duration_ms)
        self._count(log(duration_ms), 1)
        if len(self._arrived) > WINDOW:
            oldest = self._arrived.popleft()
            del self._ordered[bisect_left(self._ordered, oldest)]
            self._count(log(oldest), -1)

    def sample(self) -> Sample:
        n = len(self._ordered)
        if n == 0:
            return Sample(0, 0.0, 0.0, 0.0, 0.0)
        mean = self._sum / n
        variance = max(0.0, self._squares - n * mean * mean) / max(n - 1, 1)
        rank = ceil(UPPER_SHARE * (n + 1))
        longest = self._ordered[-1]
        upper = BEYOND_FACTOR * longest if rank > n else self._ordered[rank - 1]
        return Sample(n, longest, upper, mean, max(sqrt(variance), LEAST_SIGMA))

    def _count(self, logarithm: float, sign: int) -> None:
        self._sum += sign * logarithm
        self._squares += sign * logarithm * logarithm
