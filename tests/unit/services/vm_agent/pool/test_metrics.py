"""What `/metrics` says of pools."""

from __future__ import annotations

from msgspec.structs import replace

from libs.contracts.host import PoolState
from libs.contracts.size import Size
from libs.telemetry.metrics import Metrics
from services.vm_agent.pool.metrics import pool_metrics

POOL = PoolState("image-1", Size(1, 2048), "own", target=2, ready=1, starting=1, hits=3, misses=1)
LABELS = 'image="{}",size="1cpu-2gb",trust="own"'


def lines(metrics: Metrics, name: str) -> dict[str, float]:
    found = [line.split(" ") for line in metrics.text().decode().splitlines() if line.startswith(f"{name}{{")]
    return {line[len(name) + 1 : -1]: float(value) for line, value in found}


def test_gauges_show_what_is_and_counters_what_was() -> None:
    metrics = Metrics()
    shown = pool_metrics(metrics)
    shown.show([POOL])
    shown.show([replace(POOL, hits=5, ready=2, starting=0)])
    labels = LABELS.format("image-1")
    assert lines(metrics, "firebreak_pool_ready") == {labels: 2}
    assert lines(metrics, "firebreak_pool_target") == {labels: 2}
    assert lines(metrics, "firebreak_pool_starting") == {labels: 0}
    assert lines(metrics, "firebreak_pool_hits_total") == {labels: 5}
    assert lines(metrics, "firebreak_pool_misses_total") == {labels: 1}


def test_a_pool_of_another_image_leaves_no_gauge_of_the_old_one_behind() -> None:
    metrics = Metrics()
    shown = pool_metrics(metrics)
    shown.show([POOL])
    shown.show([replace(POOL, image="image-2", hits=4)])
    assert lines(metrics, "firebreak_pool_ready") == {LABELS.format("image-2"): 1}
    assert lines(metrics, "firebreak_pool_hits_total") == {LABELS.format("image-1"): 3, LABELS.format("image-2"): 1}
