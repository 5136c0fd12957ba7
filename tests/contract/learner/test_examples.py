"""Every documented question, asked of a file whose answer is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libs.analytics.examples import EXAMPLES, Example
from libs.analytics.snapshot import ask

BUILD = {"repository": "Octo/hello.world", "job": "Build"}
PATH = {"repository": "Octo/hello.world", "workflow_path": ".github/workflows/ci.yml"}
EXPECTED: dict[str, list[dict[str, object]]] = {
    "slowest-jobs": [{**BUILD, "total": 8, "p95_s": 60.0}],
    "slowest-steps": [{**BUILD, "step": "Run make", "total": 6, "p50_s": 2.0}],
    "longest-job-of-each-workflow": [{**BUILD, "longest_in_runs": 7}],
    "flaky-steps": [{**BUILD, "step": "Run make", "state": "watch", "flaky_commits": 1, "red_commits": 3}],
    "flaky-known": [{**PATH, "state": "flaky", "commits": 2, "at_least": 0.12}],
    "retries": [{**BUILD, "run_id": 7, "failed_n": 1, "ended": "success", "ended_n": 2}],
    "broke-this-week": [
        {**BUILD, "broke": "c" * 12, "passed_before": "b" * 12, "mended": "e" * 12, "said": "error: boom"}
    ],
    "time-to-mend": [{"repository": "Octo/hello.world", "broke": 1, "mended": 1}],
    "seen-before": [{"fingerprint": "boom", "runs": 2, "repositories": 1, "last_mended": "e" * 12}],
    "connected-to-a-failure": [
        {"kind": "failed with", "what": "repository", "name": "Octo/hello.world", "count": 2},
        {"kind": "failed with", "what": "step", "name": "Run make", "count": 2},
        {"kind": "broke", "what": "commit", "name": "c" * 12, "count": 1},
        {"kind": "mended", "what": "commit", "name": "e" * 12, "count": 1},
    ],
    "failures-by-category": [
        {"category": "network", "failures": 2, "runs": 2},
        {"category": "(the code itself, or unknown)", "failures": 1},
    ],
    "worst-commands": [{"command": "make test", "total": 6, "failures": 3, "error_rate": 0.5}],
    "success-now-against-trend": [{"repository": "Octo/hello.world", "workflow": "CI"}],
    "cost-by-repository": [{"repository": "Octo/hello.world", "attempts": 10, "minutes": 9.4}],
    "cost-by-day": [{"attempts": 10, "minutes": 9.4, "red_minutes": 6.2}],
    "queue-waits-by-hour": [{"jobs": 10}],
    "host-utilisation": [{"host": "host-1", "busy_minutes": 9.4, "slots": 4}],
    "pool-hits": [{"how": "pooled", "machines": 6, "p50_ready_ms": 4.0}, {"how": "spawned", "machines": 4}],
    "machines": [{"host": "host-1", "image": "minimal", "machines": 1, "used": 1, "reaped": 0, "kept": 0}],
    "deliveries-ignored": [{"event": "watch", "outcome": "DeliveryIgnored", "deliveries": 1}],
    "rejected-workflows": [{"workflow_path": ".github/workflows/bad.yml", "times": 1}],
    "reruns": [{"repository": "Octo/hello.world", "reruns": 1, "passed_then": 1}],
    "advice": [
        {**PATH, "kind": "duration", "expected_s": 60.0},
        {**PATH, "kind": "timeout", "limit_s": 122.0, "rule": "warm", "kills": 1},
    ],
    "advice-and-effect": [{**PATH, "kind": "timeout", "seen": 5, "applied": 1, "was_right": 1, "saved_minutes": 58.0}],
    "limits-adjusted": [{**BUILD, "adjusted": 1, "declared_min": 60.0, "shortest_s": 122.0, "ended_by_it": 1}],
    "hangs-killed-early": [{**BUILD, "run_id": 6, "limit_s": 122.0, "n": 12, "longest_success_s": 61.0}],
    "cache-candidates": [{**PATH, "tool": "npm", "lockfile": "package-lock.json", "saving_s": 30.0}],
    "proposals": [{**PATH, "kind": "uses", "about": "octo/gone@v1", "accepted_by": "octocat", "gaps": 1}],
    "model-failures": [{"task": "triage", "kind": "slow", "times": 1}],
}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_a_documented_question_has_its_answer(told: Path, example: Example) -> None:
    with ask(told, example.query) as answer:
        rows: list[dict[str, Any]] = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    expected = EXPECTED[example.name]
    assert len(rows) >= len(expected)
    for row, wanted in zip(rows, expected, strict=False):
        assert {name: row[name] for name in wanted} == wanted


def test_every_name_is_there_once() -> None:
    names = [example.name for example in EXAMPLES]
    assert len(set(names)) == len(names)
    assert set(EXPECTED) == set(names)
