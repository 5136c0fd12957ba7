"""When a snapshot is due: pure arithmetic on a monotonic clock, in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

IDLE_SECONDS = 0.3
"""A run has ended and nothing follows: whoever asks now shall see it."""
BUSY_SECONDS = 5.0
"""Under a steady stream: often enough for analysts, seldom enough that copies are no load."""
COST_FACTOR = 10.0
"""A large file takes long to copy: at most a tenth of the time goes into copying."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """`changed_since`: the first fact that no snapshot has; `written`: the last; `rest_until`: no copy before."""

    changed_since: float | None = None
    written: float = 0.0
    rest_until: float = 0.0

    @staticmethod
    def overdue(now: float) -> Snapshots:
        """At the start: what the file holds may be in no snapshot, and analysts shall not wait for a quiet moment."""
        return Snapshots(changed_since=now - BUSY_SECONDS, written=now)

    def wrote(self, now: float) -> Snapshots:
        since = now if self.changed_since is None else self.changed_since
        return replace(self, changed_since=since, written=now)

    def published(self, began: float, now: float) -> Snapshots:
        return Snapshots(rest_until=now + COST_FACTOR * (now - began))

    def due_in(self, now: float) -> float | None:
        """Seconds until the next snapshot, 0 where it is due, None where nothing has changed."""
        if self.changed_since is None:
            return None
        due = min(self.written + IDLE_SECONDS, self.changed_since + BUSY_SECONDS)
        return max(0.0, due - now, self.rest_until - now)
