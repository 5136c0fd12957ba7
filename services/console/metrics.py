"""What the console counts; Prometheus names, no id in a label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge

    from libs.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Counts:
    messages: Counter
    skipped: Counter
    position: Gauge
    live: Gauge
    refused: Counter

    def wrote(self, messages: int, skipped: int, position: int) -> None:
        self.messages.inc(messages)
        self.skipped.inc(skipped)
        self.position.set(position)


def counts(metrics: Metrics) -> Counts:
    return Counts(
        metrics.counter("firebreak_console_messages_total", "Messages of the log that were folded into the projection"),
        metrics.counter("firebreak_console_skipped_total", "Events that this version does not understand"),
        metrics.gauge("firebreak_console_position", "Place in EVENTS up to which the projection is"),
        metrics.gauge("firebreak_console_live_clients", "Event streams that are open now"),
        metrics.counter("firebreak_console_live_refused_total", "Event streams refused because too many were open"),
    )
