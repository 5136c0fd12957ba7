"""What the parser counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter

    from libs.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Counts:
    """`outcome` is the terminal event's type."""

    intakes: Counter

    def ended(self, outcome: str) -> None:
        self.intakes.labels(outcome).inc()


def counts(metrics: Metrics) -> Counts:
    return Counts(metrics.counter("firebreak_parser_intakes_total", "Intakes ended, by terminal event", ["outcome"]))
