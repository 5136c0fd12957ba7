"""The made trace is what its parameters say."""

from __future__ import annotations

from collections import Counter
from statistics import mean, quantiles

import pytest

from services.learner.backtest.policies import OURS, POLICIES
from services.learner.backtest.replay import replay
from services.learner.backtest.report import FLOOR_SECONDS
from services.learner.backtest.synthetic import MINUTE_MS, Parameters, endings
from services.learner.backtest.trace import DEFAULT_LIMIT_MS, Ending

SMALL = Parameters(jobs=20, per_job=30)


@pytest.fixture(scope="module")
def trace() -> list[Ending]:
    return endings(1)


@pytest.fixture(scope="module")
def ten() -> list[Ending]:
    """Ten seeds: one of them is a draw of 500 jobs, and a few large ones decide much."""
    return [ending for seed in range(10) for ending in endings(seed, Parameters(per_job=20))]


def test_a_seed_is_a_trace() -> None:
    assert endings(7, SMALL) == endings(7, SMALL)
    assert endings(7, SMALL) != endings(8, SMALL)


def test_it_is_in_order(trace: list[Ending]) -> None:
    starts = [ending.start_seconds for ending in trace]
    assert starts == sorted(starts)


def test_shares_of_failures_and_hangs_come_out(ten: list[Ending]) -> None:
    ended = Counter(ending.ended for ending in ten)
    assert ended["hang"] / len(ten) == pytest.approx(0.005, abs=0.0005)
    assert ended["failure"] / len(ten) == pytest.approx(0.197, abs=0.02)


def test_durations_are_as_large_and_as_spread_as_those_of_public_ci(ten: list[Ending]) -> None:
    """Mean 8.1 and 9.7 minutes, interquartile range 7.2 and 8.4 (tests and builds, ICSE'24)."""
    minutes = [ending.duration_ms / MINUTE_MS for ending in ten if ending.ended == "success"]
    quarters = quantiles(minutes, n=4)
    assert 8.1 < mean(minutes) < 9.7
    assert 7.0 < quarters[2] - quarters[0] < 8.4


def test_nothing_takes_longer_than_is_declared(trace: list[Ending]) -> None:
    assert max(ending.duration_ms for ending in trace) == DEFAULT_LIMIT_MS
    assert all(ending.duration_ms == DEFAULT_LIMIT_MS for ending in trace if ending.ended == "hang")


def test_without_failures_and_hangs_everything_passes() -> None:
    calm = Parameters(jobs=20, per_job=30, hang_share=0, failure_share=0)
    assert {ending.ended for ending in endings(1, calm)} == {"success"}


def test_some_jobs_flake_and_most_do_not() -> None:
    without_broken = endings(3, Parameters(flaky_failure_share=0.999, failure_share=0.03, per_job=100))
    flaking = {ending.key for ending in without_broken if ending.ended == "failure"}
    assert 0.05 < len(flaking) / 500 < 0.2


def test_on_the_documented_trace_our_rule_keeps_its_word(trace: list[Ending]) -> None:
    """Under 10 false kills in 10,000 and over 80 % of hang time saved; `make bench` looks at more seeds."""
    outcome = replay(trace, POLICIES[OURS], FLOOR_SECONDS * 1000)
    assert outcome.false_kills_per_10k < 10
    assert outcome.hang_saved_share > 0.8
