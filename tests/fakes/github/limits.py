"""GitHub's primary limit (requests an hour) and its secondary one (requests that create content, a minute, an hour)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.fakes.github.state import Refusal

SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


@dataclass
class Limits:
    """`clock` is wall-clock seconds; the counts may be set lower by a test that wants to meet them."""

    clock: Callable[[], float]
    an_hour: int = 5_000
    writes_a_minute: int = 80
    writes_an_hour: int = 500
    used: list[float] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)

    def headers(self) -> dict[str, str]:
        used = self._within(self.used, 3600)
        reset = (min(used) if used else self.clock()) + 3600
        return {
            "x-ratelimit-limit": str(self.an_hour),
            "x-ratelimit-remaining": str(max(0, self.an_hour - len(used))),
            "x-ratelimit-used": str(len(used)),
            "x-ratelimit-reset": str(int(reset)),
            "x-ratelimit-resource": "core",
        }

    def count(self, *, creates: bool) -> None:
        now = self.clock()
        if len(self._within(self.used, 3600)) >= self.an_hour:
            raise Refusal(403, "API rate limit exceeded for user ID 1.")
        self.used.append(now)
        if not creates:
            return
        if len(self._within(self.writes, 60)) >= self.writes_a_minute:
            raise Refusal(403, SECONDARY, retry_after=str(int(self._within(self.writes, 60)[0] + 60 - now) + 1))
        if len(self._within(self.writes, 3600)) >= self.writes_an_hour:
            raise Refusal(403, SECONDARY, retry_after=str(int(self._within(self.writes, 3600)[0] + 3600 - now) + 1))
        self.writes.append(now)

    def _within(self, times: list[float], seconds: float) -> list[float]:
        return [time for time in times if time > self.clock() - seconds]
