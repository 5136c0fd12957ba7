"""What the views show of a history in which everything happens once; the documented questions are tested beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from libs.analytics.snapshot import ask

PATH = ".github/workflows/ci.yml"


def rows(told: Path, query: str) -> list[tuple[Any, ...]]:
    with ask(told, query) as answer:
        return list(answer.rows)


def test_a_machine_from_its_standing_ready_to_its_end(told: Path) -> None:
    assert rows(
        told,
        "SELECT vm, host, image, cpus, memory_mib, trust, how, pooled_how, pooled_ms, ready_ms, job, run_id,"
        " pooled_at <= used_at, used_at <= gone_at, gone_why, reaped FROM vms WHERE vm = 'vm-1'",
    ) == [
        (
            *("vm-1", "host-1", "minimal", 2, 4096, "own", "pooled", "restored", 30.0, 4.0, "Build", 1),
            *(True, True, "its job is over", False),
        )
    ]


def test_a_machine_that_was_made_for_its_job_never_stood_ready(told: Path) -> None:
    assert rows(told, "SELECT pooled_at, image, cpus, gone_at IS NOT NULL FROM vms WHERE vm = 'vm-3'") == [
        (None, "minimal", 2, True)
    ]


def test_a_host_with_its_slots(told: Path) -> None:
    assert rows(told, "SELECT host, driver, slots, host_group, boots, last_event FROM hosts") == [
        ("host-1", "firecracker", 4, "Default", 1, "HostJoined")
    ]


def test_steps_and_failures_with_command_fingerprint_and_category(told: Path) -> None:
    assert rows(told, "SELECT command, outcome, fingerprint, category FROM steps WHERE run_id = 3") == [
        ("make test", "failure", "boom", "network")
    ]
    assert rows(told, "SELECT step, said, ref, sha, event, trust FROM failures WHERE run_id = 3") == [
        ("Run make", "error: boom", "refs/heads/main", "c" * 40, "push", "own")
    ]


def test_the_advice_that_stands_is_the_newest(told: Path) -> None:
    assert rows(told, "SELECT kind, host, target FROM advice ORDER BY kind") == [
        *((kind, None, None) for kind in ("cache", "duration", "flaky")),
        ("pool", "host-1", 3),
        ("timeout", None, None),
    ]
    assert rows(told, "SELECT count(*) FROM advice_history WHERE kind = 'timeout'") == [(2,)]
    assert rows(told, "SELECT step, state, commits, clean_runs FROM advice WHERE kind = 'flaky'") == [
        ("Run make", "flaky", 2, 3)
    ]


def test_recognitions_opt_ins_and_a_models_words(told: Path) -> None:
    assert rows(told, "SELECT job, step, fingerprint, runs, repositories, others FROM recognitions") == [
        ("Build", "Run make", "boom", 1, 1, 2)
    ]
    assert rows(told, "SELECT repository, timeouts, retry_flaky, fork_text, problems FROM opt_ins") == [
        ("Octo/hello.world", "apply", 1, False, 0)
    ]
    assert rows(told, 'SELECT repository, run_id, job_key, step, category, "by", summary FROM triages') == [
        ("Octo/hello.world", 3, "build", 0, "network", "model", "It could not connect.")
    ]


def test_a_retried_job_is_one_job_with_its_retries(told: Path) -> None:
    assert rows(told, "SELECT outcome, attempts, retries, n, why FROM jobs WHERE run_id = 7") == [
        ("success", 2, 1, 2, "passed on attempt 2, known flaky")
    ]


def test_a_jobs_outcome_by_attempt_at_the_run(told: Path) -> None:
    assert rows(told, "SELECT run_attempt, outcome, n, timeout_ms FROM jobs WHERE run_id = 2 ORDER BY 1") == [
        (1, "failure", 1, 60_000),
        (2, "success", 2, 60_000),
    ]


def test_every_node_is_there_once_and_every_edge_is_between_nodes(told: Path) -> None:
    assert rows(told, "SELECT kid FROM node GROUP BY kid HAVING count(*) > 1") == []
    loose = "SELECT * FROM edge WHERE from_kid NOT IN (SELECT kid FROM node) OR to_kid NOT IN (SELECT kid FROM node)"
    assert rows(told, loose) == []
    assert rows(told, "SELECT kind, count(*), sum(count) FROM node GROUP BY kind ORDER BY kind") == [
        ("command", 1, 6),
        ("commit", 3, 4),
        ("fingerprint", 2, 3),
        ("job", 1, 6),
        ("repository", 1, 6),
        ("step", 1, 6),
        ("workflow", 1, 6),
    ]


def test_the_graph_leads_from_a_repository_to_what_its_steps_failed_with(told: Path) -> None:
    walk = """
        SELECT w.name, j.name, s.name, f.kind, x.name FROM node r
        JOIN edge a ON a.from_kid = r.kid AND a.kind = 'has' JOIN node w ON w.kid = a.to_kid
        JOIN edge b ON b.from_kid = w.kid AND b.kind = 'has' JOIN node j ON j.kid = b.to_kid
        JOIN edge c ON c.from_kid = j.kid AND c.kind = 'has' JOIN node s ON s.kid = c.to_kid
        JOIN edge f ON f.from_kid = s.kid JOIN node x ON x.kid = f.to_kid
        WHERE r.kind = 'repository' AND r.name = 'Octo/hello.world' ORDER BY 4, 5"""
    assert rows(told, walk) == [
        ("CI", "Build", "Run make", "failed with", "error: boom"),
        ("CI", "Build", "Run make", "failed with", "error: race"),
        ("CI", "Build", "Run make", "runs", "make test"),
    ]


@pytest.mark.parametrize(
    ("level", "weight"), [("workflow", 8), ("job", 8), ("step", 6)], ids=["workflow", "job", "step"]
)
def test_success_rates_of_each_level_count_what_was_decided(told: Path, level: str, weight: int) -> None:
    ((found, low, rate, high),) = rows(
        told, f"SELECT trend_weight, trend_low, trend_rate, trend_high FROM success_rates WHERE level = '{level}'"
    )
    assert found == pytest.approx(weight, rel=1e-3)
    assert low < rate < high


def test_caches_are_there_to_be_asked_and_empty(told: Path) -> None:
    assert rows(told, "SELECT count(*), sum(bytes) FROM caches") == [(0, None)]
