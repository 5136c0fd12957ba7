"""The rules that are compared, each as somebody who knows one job's past successes and nothing else.

All that learn have one floor, are never beyond what is declared, and double with each kill since the last success:
without the doubling, a rule that once ends a job which grew ends it for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from services.learner.backtest.rules_of_others import Jenkins, Longest, Mean, Percentile, Sigmas, Tcp, Tolerance
from services.learner.learning.timeouts import Window, limit_of

FIXED_MS = 60 * 60_000.0


class Policy(Protocol):
    """One rule for one job."""

    def limit_ms(self, kills: int, floor_ms: float, declared_ms: float) -> float: ...

    def succeeded(self, duration_ms: float) -> None:
        """A success that it let finish, in the order of the endings."""
        ...


class Declared:
    """No rule: what the workflow says, or 360 minutes."""

    def limit_ms(self, kills: int, floor_ms: float, declared_ms: float) -> float:
        return declared_ms

    def succeeded(self, duration_ms: float) -> None: ...


class Fixed:
    """One limit for all."""

    def limit_ms(self, kills: int, floor_ms: float, declared_ms: float) -> float:
        return min(FIXED_MS, declared_ms)

    def succeeded(self, duration_ms: float) -> None: ...


class Firebreak:
    """Ours: `learning.timeouts`."""

    def __init__(self) -> None:
        self._window = Window()

    def limit_ms(self, kills: int, floor_ms: float, declared_ms: float) -> float:
        return limit_of(self._window.sample(), kills, floor_ms, declared_ms).limit_ms

    def succeeded(self, duration_ms: float) -> None:
        self._window.add(duration_ms)


OURS = "firebreak"
NONE = "none"
BASELINE = "mean-1.5"
POLICIES: dict[str, Callable[[], Policy]] = {
    NONE: Declared,
    "fixed-60": Fixed,
    "jenkins": Jenkins,
    BASELINE: Mean,
    "tcp": Tcp,
    "mean-3-sigma": Sigmas,
    "p99": Percentile,
    "max-1.1": Longest,
    "tolerance": Tolerance,
    OURS: Firebreak,
}
