"""What `/metrics` says of warm pools: labelled by size and trust class, and by the image, of which a host has few."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from libs.contracts.host import PoolState

if TYPE_CHECKING:
    from prometheus_client import Counter, Gauge

    from libs.telemetry.metrics import Metrics

LABELS = ("image", "size", "trust")
Labels = tuple[str, str, str]


@dataclass(slots=True)
class PoolMetrics:
    """`show` is told all pools each time; the counters grow by what is new."""

    ready: Gauge
    starting: Gauge
    target: Gauge
    hits: Counter
    misses: Counter
    _counted: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict[tuple[str, str], tuple[int, int]])
    _shown: dict[tuple[str, str], Labels] = field(default_factory=dict[tuple[str, str], Labels])

    def show(self, pools: Iterable[PoolState]) -> None:
        """One without a target is a template alone, and counts nothing."""
        for pool in pools:
            if pool.target:
                self._show(pool)

    def _show(self, pool: PoolState) -> None:
        key = (str(pool.size), pool.trust)
        labels: Labels = (pool.image, *key)
        before = self._shown.get(key)
        if before is not None and before != labels:
            # The pool is of another image now; of the old one nothing stands any more.
            for gauge in (self.ready, self.starting, self.target):
                gauge.remove(*before)
        self._shown[key] = labels
        self.ready.labels(*labels).set(pool.ready)
        self.starting.labels(*labels).set(pool.starting)
        self.target.labels(*labels).set(pool.target)
        hits, misses = self._counted.get(key, (0, 0))
        self.hits.labels(*labels).inc(max(0, pool.hits - hits))
        self.misses.labels(*labels).inc(max(0, pool.misses - misses))
        self._counted[key] = (pool.hits, pool.misses)


def pool_metrics(metrics: Metrics) -> PoolMetrics:
    return PoolMetrics(
        metrics.gauge("firebreak_pool_ready", "Machines that stand ready and answer", LABELS),
        metrics.gauge("firebreak_pool_starting", "Machines that are being made ready", LABELS),
        metrics.gauge("firebreak_pool_target", "Machines that should stand ready", LABELS),
        metrics.counter("firebreak_pool_hits_total", "Jobs that found a machine ready", LABELS),
        metrics.counter("firebreak_pool_misses_total", "Jobs for which the pool had no machine ready", LABELS),
    )
