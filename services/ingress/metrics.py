"""What ingress counts; names of Prometheus, no id in a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter

    from libs.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Counts:
    """`outcome` is `stored`, `known` (a redelivery), or the error's word in the answer."""

    answers: Counter

    def answered(self, outcome: str) -> None:
        self.answers.labels(outcome).inc()


def counts(metrics: Metrics) -> Counts:
    return Counts(
        metrics.counter("firebreak_ingress_answers_total", "Webhook requests answered, by outcome", ["outcome"])
    )
