"""What the engine says of a container's health check."""

from __future__ import annotations

import pytest

from services.vm_agent.job.containers.health import HEALTH_SECONDS, HealthCheck, health_check

SECOND = 1_000_000_000


@pytest.mark.row("containers: health checks")
@pytest.mark.parametrize("config", [None, {}, "x", {"Test": None}, {"Test": []}, {"Test": ["NONE"]}, []])
def test_a_container_may_have_no_check(config: object) -> None:
    assert health_check(config) is None


@pytest.mark.row("containers: health checks")
def test_a_check_has_dockers_defaults() -> None:
    assert health_check({"Test": ["CMD-SHELL", "true"]}) == HealthCheck(30, 30, 0, 3)
    whole = {"Test": ["CMD", "x"], "Interval": 2 * SECOND, "Timeout": SECOND, "StartPeriod": 5 * SECOND, "Retries": 4}
    check = health_check(whole)
    assert check == HealthCheck(2, 1, 5, 4)
    assert check is not None
    assert check.due_seconds == 17


def test_nobody_waits_for_ever() -> None:
    check = health_check({"Test": ["CMD", "x"], "Interval": 86_400 * SECOND, "Retries": 1000})
    assert check is not None
    assert check.due_seconds == HEALTH_SECONDS
