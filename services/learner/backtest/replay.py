"""One rule through one trace, strictly in order: at a job's start it knows what had ended by then, and nothing more.

1. What would have ended by itself and is killed first is a false kill, whether it would have passed or failed. 2. The
rule never learns how long that would have taken, only that it killed. 3. A kill counts until the job's next success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

import msgspec

from services.learner.backtest.policies import Policy
from services.learner.backtest.trace import Ending


class Outcome(msgspec.Struct, frozen=True):
    """Minutes of machines. `hang_minutes` is what hangs cost without the rule, `lost_minutes` what false kills threw
    away.
    """

    runs: int
    hangs: int
    false_kills: int
    hang_minutes: float
    saved_minutes: float
    lost_minutes: float

    @property
    def false_kills_per_10k(self) -> float:
        return 10_000 * self.false_kills / self.runs if self.runs else 0.0

    @property
    def hang_saved_share(self) -> float:
        return self.saved_minutes / self.hang_minutes if self.hang_minutes else 0.0


class Followed:
    """One job under one rule. What ended is known from its end on."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._kills = 0
        self._pending: list[tuple[float, float | None]] = []

    def limit_ms(self, start_seconds: float, floor_ms: float, declared_ms: float) -> float:
        while self._pending and self._pending[0][0] <= start_seconds:
            _, success_ms = heappop(self._pending)
            if success_ms is None:
                self._kills += 1
            else:
                self._kills = 0
                self._policy.succeeded(success_ms)
        return self._policy.limit_ms(self._kills, floor_ms, declared_ms)

    def succeeded(self, ending: Ending) -> None:
        heappush(self._pending, (ending.end_seconds, ending.duration_ms))

    def killed(self, ending: Ending, limit_ms: float) -> None:
        heappush(self._pending, (ending.start_seconds + limit_ms / 1000, None))


def replay(endings: Iterable[Ending], make: Callable[[], Policy], floor_ms: float) -> Outcome:
    """`endings` by their start."""
    followed: dict[int, Followed] = {}
    runs = hangs = false_kills = 0
    hang_ms = saved_ms = lost_ms = 0.0
    for ending in endings:
        job = followed.get(ending.key)
        if job is None:
            job = followed[ending.key] = Followed(make())
        limit_ms = job.limit_ms(ending.start_seconds, floor_ms, ending.declared_ms)
        killed = limit_ms < ending.duration_ms
        if killed:
            job.killed(ending, limit_ms)
        if ending.ended == "hang":
            hangs += 1
            hang_ms += ending.duration_ms
            saved_ms += ending.duration_ms - limit_ms if killed else 0.0
            continue
        runs += 1
        if killed:
            false_kills += 1
            lost_ms += limit_ms
        elif ending.ended == "success":
            job.succeeded(ending)
    return Outcome(runs, hangs, false_kills, hang_ms / 60_000, saved_ms / 60_000, lost_ms / 60_000)
