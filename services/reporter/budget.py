"""How fast GitHub may be written to: pure arithmetic on a monotonic clock, in seconds.

GitHub's secondary limits for requests that create content are 80 a minute and 500 an hour (docs: "Rate limits for the
REST API"); what it says in an answer comes on top. One budget a token.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

MINUTE_WRITES, MINUTE_SECONDS = 80, 60.0
HOUR_WRITES, HOUR_SECONDS = 500, 3600.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0
"""After a failure, doubled by each one that follows: a hiccup costs nothing, an outage is not made worse by us."""
LONGEST_SECONDS = 3600.0
"""GitHub's own windows are an hour; a header that says more is not believed."""


class Budget:
    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._writes: deque[float] = deque(maxlen=HOUR_WRITES)
        self._closed_until = 0.0
        self._pause = FIRST_PAUSE_SECONDS

    def wait_seconds(self) -> float:
        """Until a request that creates something may be sent; 0 where it may now."""
        now = self._now()
        waits = [self._closed_until - now, 0.0]
        if len(self._writes) >= MINUTE_WRITES:
            waits.append(self._writes[-MINUTE_WRITES] + MINUTE_SECONDS - now)
        if len(self._writes) >= HOUR_WRITES:
            waits.append(self._writes[-HOUR_WRITES] + HOUR_SECONDS - now)
        return max(waits)

    def closed_seconds(self) -> float:
        """Until GitHub wants to hear from us at all."""
        return max(0.0, self._closed_until - self._now())

    def spend(self) -> None:
        """One such request goes out now, whatever becomes of it."""
        self._writes.append(self._now())

    def close(self, seconds: float) -> None:
        """GitHub said not before."""
        self._closed_until = max(self._closed_until, self._now() + min(seconds, LONGEST_SECONDS))

    def failed(self) -> float:
        """GitHub did not answer: how long to leave it alone, in seconds."""
        pause = self._pause
        self._pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        self.close(pause)
        return pause

    def answered(self) -> None:
        self._pause = FIRST_PAUSE_SECONDS
