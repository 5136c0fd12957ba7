"""What the service counts. Nothing is imported or counted where nobody asks: a process without a metrics port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from libs.contracts.model import ModelTask

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge, Histogram

    from libs.telemetry.metrics import Metrics

SECONDS = (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300)
"""A hosted model answers in one, a small one on a busy processor in thirty."""


class Counts(Protocol):
    def asked(self, task: ModelTask, outcome: str, seconds: float) -> None:
        """A question was put; `outcome` is `answered` or a `ModelFailure`."""
        ...

    def fell_back(self, task: ModelTask, kind: str) -> None:
        """There is no proposal or no triage by a model, for this reason."""
        ...

    def kept(self, task: ModelTask) -> None:
        """Nobody had to be asked: it was known."""
        ...

    def circuit(self, open: bool) -> None: ...


class Uncounted:
    def asked(self, task: ModelTask, outcome: str, seconds: float) -> None: ...
    def fell_back(self, task: ModelTask, kind: str) -> None: ...
    def kept(self, task: ModelTask) -> None: ...
    def circuit(self, open: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Counted:
    calls: Counter
    seconds: Histogram
    fallbacks: Counter
    hits: Counter
    breaker: Gauge

    def asked(self, task: ModelTask, outcome: str, seconds: float) -> None:
        self.calls.labels(task, outcome).inc()
        self.seconds.labels(task).observe(seconds)

    def fell_back(self, task: ModelTask, kind: str) -> None:
        self.fallbacks.labels(task, kind).inc()

    def kept(self, task: ModelTask) -> None:
        self.hits.labels(task).inc()

    def circuit(self, open: bool) -> None:
        self.breaker.set(1 if open else 0)


def counts(metrics: Metrics) -> Counts:
    return Counted(
        metrics.counter("firebreak_model_calls_total", "Questions put to the model", ["task", "outcome"]),
        metrics.histogram("firebreak_model_seconds", "How long an answer takes", ["task"], SECONDS),
        metrics.counter(
            "firebreak_model_fallbacks_total", "What there is no model's word on, by reason", ["task", "kind"]
        ),
        metrics.counter("firebreak_model_cached_total", "Questions that nobody had to be asked", ["task"]),
        metrics.gauge("firebreak_model_circuit_open", "1 while the model is left alone"),
    )
