"""When a dead service is started again: soon at first, later when it keeps dying. Pure: `now` is passed in."""

from __future__ import annotations

from dataclasses import dataclass, field

FIRST_DELAY_SECONDS = 0.2
"""A crash costs a fifth of a second, no more: the others wait for this service."""
LONGEST_DELAY_SECONDS = 10.0
"""A service that cannot live must not keep the machine busy with starting it."""
STEADY_SECONDS = 30.0
"""Having lived this long, its next death is a new story."""


@dataclass(slots=True)
class Restarts:
    """One service's deaths."""

    started: float = 0.0
    deaths: int = field(default=0)

    def begin(self, now: float) -> None:
        self.started = now

    def delay_seconds(self, now: float) -> float:
        """How long to wait before it is started again, having just died at `now`."""
        self.deaths = 1 if now - self.started >= STEADY_SECONDS else self.deaths + 1
        return min(FIRST_DELAY_SECONDS * 2 ** (self.deaths - 1), LONGEST_DELAY_SECONDS)
