"""Prometheus metrics of one process, by the client library; a registry a process, so that tests do not share counts.

The library brings an HTTP server along and takes longer to import than a local run may; a process that counts nothing
never loads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Names begin with `firebreak_`, end in their unit; an id is never a label."""

    @cached_property
    def registry(self) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry

        return CollectorRegistry()

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        from prometheus_client import Counter

        return Counter(name, help, labels, registry=self.registry)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        from prometheus_client import Gauge

        return Gauge(name, help, labels, registry=self.registry)

    def histogram(
        self, name: str, help: str, labels: Sequence[str] = (), buckets: Sequence[float] | None = None
    ) -> Histogram:
        """Without `buckets` the library's own, which end at 10."""
        from prometheus_client import Histogram

        return Histogram(name, help, labels, registry=self.registry, buckets=buckets or Histogram.DEFAULT_BUCKETS)

    def text(self) -> bytes:
        """The exposition format that `/metrics` answers with."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)

    def serve(self, host: str, port: int) -> None:
        """A thread that answers `/metrics`, for a service that has no HTTP server of its own."""
        from prometheus_client import start_http_server

        start_http_server(port, host, registry=self.registry)
