"""How good the success rates are as forecasts: each outcome is foretold at its start, from what had ended by then.

Log-loss says which of the estimates is best, coverage whether an interval of 90 % holds nine of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import exp, lgamma, log

import msgspec

from services.learner.backtest.timeline import timeline
from services.learner.backtest.trace import Ending
from services.learner.learning.rates import (
    HIGH_SHARE,
    LOW_SHARE,
    NOW_SECONDS,
    TREND_SECONDS,
    Tally,
    age,
    count,
    posterior,
)

LEAST_CHANCE = 0.001
"""A forecast of 0 that comes true would cost infinitely much: the raw rate makes such ones."""
BLOCK = 20
"""Outcomes to come of which the interval foretells how many pass."""
UNKNOWN_PARENT = 0.5

NOTHING = Tally()

Estimate = Callable[[Tally, float], float]


class Forecasts(msgspec.Struct, frozen=True):
    """`log_loss` by estimate, in nats an outcome; `coverage` by half-life: the share of blocks within the interval."""

    outcomes: int
    log_loss: dict[str, float]
    coverage: dict[str, float]
    blocks: int


def _uniform(tally: Tally, parent: float) -> float:
    return (1 + tally.passed) / (2 + tally.passed + tally.failed)


def _raw(tally: Tally, parent: float) -> float:
    seen = tally.passed + tally.failed
    return tally.passed / seen if seen else UNKNOWN_PARENT


def _pooled(tally: Tally, parent: float) -> float:
    a, b = posterior(tally, parent)
    return a / (a + b)


ESTIMATES: dict[str, tuple[Estimate, float | None]] = {
    "beta-1-1": (_uniform, None),
    "raw": (_raw, None),
    "pooled": (_pooled, None),
    "pooled-trend": (_pooled, TREND_SECONDS),
    "pooled-now": (_pooled, NOW_SECONDS),
}
"""The uniform prior, the share alone, and ours with each half-life."""


class Book:
    """The tally of every key, with one half-life."""

    def __init__(self, half_life_seconds: float | None) -> None:
        self.half_life_seconds = half_life_seconds
        self._keys: dict[int, Tally] = {}

    def add(self, key: int, at_seconds: float, passed: bool) -> None:
        self._keys[key] = count(self._keys.get(key, NOTHING), at_seconds, passed, self.half_life_seconds)

    def at(self, key: int, now_seconds: float) -> Tally:
        return age(self._keys.get(key, NOTHING), now_seconds, self.half_life_seconds)


class Blocks:
    """Of each key the interval for the block that runs, and how that one goes."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, int, list[bool]]] = {}
        self.held = self.closed = 0

    def start(self, key: int, tally: Tally, parent: float) -> None:
        if key not in self._open:
            self._open[key] = (*interval(BLOCK, *posterior(tally, parent)), [])

    def end(self, key: int, passed: bool) -> None:
        """What started before the last block closed, and ends before the next one opens, is in neither."""
        if key not in self._open:
            return
        low, high, outcomes = self._open[key]
        outcomes.append(passed)
        if len(outcomes) == BLOCK:
            self.closed += 1
            self.held += low <= sum(outcomes) <= high
            del self._open[key]


def forecasts(endings: Sequence[Ending]) -> Forecasts:
    """`endings` by their start. Hangs are left out: what they would have come to is not known. The parent of every key
    is the rate of them all so far.
    """
    outcomes = [ending for ending in endings if ending.ended != "hang"]
    books = {half_life: Book(half_life) for half_life in (None, TREND_SECONDS, NOW_SECONDS)}
    blocks = {"trend": (TREND_SECONDS, Blocks()), "now": (NOW_SECONDS, Blocks())}
    losses = dict.fromkeys(ESTIMATES, 0.0)
    everything = NOTHING
    for moment, ending in timeline(outcomes):
        passed = ending.ended == "success"
        if moment == "start":
            parent = _raw(everything, 0.0)
            seen = {half_life: book.at(ending.key, ending.start_seconds) for half_life, book in books.items()}
            for name, (estimate, half_life) in ESTIMATES.items():
                losses[name] += _loss(estimate(seen[half_life], parent), passed)
            for half_life, block in blocks.values():
                block.start(ending.key, seen[half_life], parent)
        else:
            everything = count(everything, ending.end_seconds, passed, None)
            for book in books.values():
                book.add(ending.key, ending.end_seconds, passed)
            for _, block in blocks.values():
                block.end(ending.key, passed)
    return Forecasts(
        outcomes=len(outcomes),
        log_loss={name: loss / max(len(outcomes), 1) for name, loss in losses.items()},
        coverage={name: block.held / block.closed for name, (_, block) in blocks.items() if block.closed},
        blocks=sum(block.closed for _, block in blocks.values()) // len(blocks),
    )


def interval(count: int, a: float, b: float) -> tuple[int, int]:
    """How many of the next outcomes pass, 5 to 95 %: the beta-binomial that Beta(a, b) gives."""
    below, low, high = 0.0, count, count
    for passed, chance in enumerate(_beta_binomial(count, a, b)):
        below += chance
        if low == count and below > LOW_SHARE:
            low = passed
        if below >= HIGH_SHARE:
            high = passed
            break
    return low, high


def _beta_binomial(count: int, a: float, b: float) -> Iterable[float]:
    """The chances of 0, 1, ... of the next `count` to pass, each from the one before."""
    chance = exp(lgamma(a + b) - lgamma(b) + lgamma(b + count) - lgamma(a + b + count))
    for passed in range(count):
        yield chance
        failed = count - passed
        chance *= failed * (a + passed) / ((passed + 1) * (b + failed - 1))
    yield chance


def _loss(chance: float, passed: bool) -> float:
    held = min(max(chance, LEAST_CHANCE), 1 - LEAST_CHANCE)
    return -log(held if passed else 1 - held)
