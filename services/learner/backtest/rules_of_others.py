"""Rules that learn, other than ours: Jenkins', TCP's, and those that anybody would write first.

Each begins at the `least`-th success and is then a number of milliseconds; what all of them share is `Learned`'s.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from math import ceil, exp, sqrt

from services.learner.learning.timeouts import COLD, KILL_FACTOR, MOST_DOUBLINGS, WARM, WINDOW, Window
from services.learner.learning.tolerance import tolerance_factor

JENKINS_BUILDS = 10
JENKINS_FACTOR = MEAN_FACTOR = 1.5
LONGEST_FACTOR = 1.1
SIGMAS = 3.0
UPPER_SHARE = 0.99
LARGEST_EXPONENT = 700.0
"""Of what exp can still say."""


class Learned:
    """What the other rules share: from the `least`-th success on they have a word."""

    least = COLD

    def __init__(self) -> None:
        self.n = 0

    def limit_ms(self, kills: int, floor_ms: float, declared_ms: float) -> float:
        if self.n < self.least:
            return declared_ms
        backed_off_ms = max(self.says_ms(), floor_ms) * KILL_FACTOR ** min(kills, MOST_DOUBLINGS)
        return min(backed_off_ms, declared_ms)

    def succeeded(self, duration_ms: float) -> None:
        self.n += 1
        self.learn(duration_ms)

    def says_ms(self) -> float:
        raise NotImplementedError

    def learn(self, duration_ms: float) -> None:
        raise NotImplementedError


class Jenkins(Learned):
    """Elastic: 1.5 times the mean of the last ten successes (Jenkins, Build Timeout plugin)."""

    def __init__(self) -> None:
        super().__init__()
        self._last = deque[float](maxlen=JENKINS_BUILDS)

    def says_ms(self) -> float:
        return JENKINS_FACTOR * sum(self._last) / len(self._last)

    def learn(self, duration_ms: float) -> None:
        self._last.append(duration_ms)


class Tcp(Learned):
    """srtt + 4 rttvar, as TCP waits for an answer (RFC 6298, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self._mean = self._deviation = 0.0

    def says_ms(self) -> float:
        return self._mean + 4 * self._deviation

    def learn(self, duration_ms: float) -> None:
        if self.n == 1:
            self._mean, self._deviation = duration_ms, duration_ms / 2
            return
        self._deviation += (abs(duration_ms - self._mean) - self._deviation) / 4
        self._mean += (duration_ms - self._mean) / 8


class Mean(Learned):
    """1.5 times the mean of all successes: what anybody would write first."""

    def __init__(self) -> None:
        super().__init__()
        self._sum = 0.0

    def says_ms(self) -> float:
        return MEAN_FACTOR * self._sum / self.n

    def learn(self, duration_ms: float) -> None:
        self._sum += duration_ms


class Sigmas(Learned):
    """Mean and three standard deviations of the last 200."""

    def __init__(self) -> None:
        super().__init__()
        self._last = deque[float]()
        self._sum = self._squares = 0.0

    def says_ms(self) -> float:
        n = len(self._last)
        mean = self._sum / n
        return mean + SIGMAS * sqrt(max(0.0, self._squares - n * mean * mean) / (n - 1))

    def learn(self, duration_ms: float) -> None:
        self._last.append(duration_ms)
        self._sum += duration_ms
        self._squares += duration_ms * duration_ms
        if len(self._last) > WINDOW:
            oldest = self._last.popleft()
            self._sum -= oldest
            self._squares -= oldest * oldest


class Ordered(Learned):
    """What rules about the order of the last 200 share."""

    def __init__(self) -> None:
        super().__init__()
        self._last = deque[float]()
        self.ordered: list[float] = []

    def learn(self, duration_ms: float) -> None:
        self._last.append(duration_ms)
        insort(self.ordered, duration_ms)
        if len(self._last) > WINDOW:
            del self.ordered[bisect_left(self.ordered, self._last.popleft())]


class Percentile(Ordered):
    """The 99th percentile of the last 200."""

    def says_ms(self) -> float:
        return self.ordered[ceil(UPPER_SHARE * len(self.ordered)) - 1]


class Longest(Ordered):
    """1.1 times the longest of the last 200."""

    def says_ms(self) -> float:
        return LONGEST_FACTOR * self.ordered[-1]


class Tolerance(Learned):
    """The lognormal tolerance bound alone: one term of ours."""

    least = WARM

    def __init__(self) -> None:
        super().__init__()
        self._window = Window()

    def says_ms(self) -> float:
        sample = self._window.sample()
        return exp(min(sample.mu + tolerance_factor(sample.n) * sample.sigma, LARGEST_EXPONENT))

    def learn(self, duration_ms: float) -> None:
        self._window.add(duration_ms)
