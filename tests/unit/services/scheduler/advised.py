"""Advice by hand, for the jobs of a story's workflow."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.contracts.advice import DurationAdvice, FlakyAdvice, FlakyState, TimeoutAdvice
from libs.contracts.ids import JobKey

PATH = ".github/workflows/ci.yml"


def limit(job: str, seconds: float, *, path: str = PATH, kills: int = 0) -> TimeoutAdvice:
    return TimeoutAdvice(path, JobKey(job), job, int(seconds * 1000), "warm", 41, 190_000.0, upper_ms=1.0, kills=kills)


def expected(job: str, seconds: float, *, failed: bool = False) -> DurationAdvice:
    return DurationAdvice(PATH, JobKey(job), job, seconds * 1000, 50, failed)


def flaky(job: str, step: str = "", *, state: FlakyState = "flaky", path: str = PATH) -> FlakyAdvice:
    return FlakyAdvice(path, JobKey(job), job, step, state, ("a1", "b2"), 0.1, 0, datetime(2026, 11, 20, tzinfo=UTC))
