"""What the parser counts. Nothing is imported or counted where nobody asks: a process without a metrics port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from prometheus_client import Counter

    from libs.telemetry.metrics import Metrics


class Counts(Protocol):
    def ended(self, outcome: str) -> None:
        """An intake ended; `outcome` is the terminal event's type."""
        ...


class Uncounted:
    def ended(self, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Counted:
    intakes: Counter

    def ended(self, outcome: str) -> None:
        self.intakes.labels(outcome).inc()


def counts(metrics: Metrics) -> Counts:
    return Counted(metrics.counter("firebreak_parser_intakes_total", "Intakes ended, by terminal event", ["outcome"]))
