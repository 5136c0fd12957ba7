"""What operators watch of the scheduler: how much waits, how much runs, whether this one is active, what was lost.

Nothing is imported or counted where nobody asks: a process without a metrics port has `Unmeasured`.
"""

from __future__ import annotations

from typing import Protocol

from libs.telemetry.metrics import Metrics
from services.scheduler.shell.index import Index


class Gauges(Protocol):
    def show(self, index: Index, waiting: int, *, active: bool) -> None:
        """The state of now; `waiting` are queued jobs."""
        ...

    def stored(self) -> None:
        """A decision was stored."""
        ...

    def lost(self) -> None:
        """An attempt was declared lost."""
        ...


class Unmeasured:
    def show(self, index: Index, waiting: int, *, active: bool) -> None: ...
    def stored(self) -> None: ...
    def lost(self) -> None: ...


class Measured:
    def __init__(self, metrics: Metrics) -> None:
        name = "firebreak_scheduler"
        self._runs = metrics.gauge(f"{name}_runs", "Runs that are not over.")
        self._queued = metrics.gauge(f"{name}_queued_jobs", "Jobs that wait for a host.")
        self._held = metrics.gauge(f"{name}_attempts", "Attempts that are assigned or running.")
        self._broken = metrics.gauge(f"{name}_broken_runs", "Runs that were set aside: look at the log.")
        self._active = metrics.gauge(f"{name}_active", "1 where this scheduler decides, 0 on standby.")
        self._position = metrics.gauge(f"{name}_position", "The last place of the log that is folded.")
        self._decisions = metrics.counter(f"{name}_decisions_total", "Commits of decisions about runs.")
        self._lost = metrics.counter(f"{name}_lost_attempts_total", "Attempts that were declared lost.")

    def show(self, index: Index, waiting: int, *, active: bool) -> None:
        self._runs.set(len(index.runs))
        self._queued.set(waiting)
        self._held.set(sum(index.usage.hosts.values()))
        self._broken.set(sum(bool(tracked.broken) for tracked in index.runs.values()))
        self._active.set(active)
        self._position.set(index.position)

    def stored(self) -> None:
        self._decisions.inc()

    def lost(self) -> None:
        self._lost.inc()
