"""Strictly in order, and honest about what a kill hides."""

from __future__ import annotations

import pytest

from services.learner.backtest.policies import POLICIES, Policy
from services.learner.backtest.replay import replay
from services.learner.backtest.trace import Ended, Ending

MINUTE = 60_000.0


class LongestSoFar(Policy):
    """1 x the longest success: the strictest rule, which shows what it was told."""

    told: list[float]

    def __init__(self) -> None:
        self.told = []

    def limit_ms(self, kills: int, floor_ms: float, declared_ms: float) -> float:
        return min(max(self.told) * 2**kills, declared_ms) if self.told else declared_ms

    def succeeded(self, duration_ms: float) -> None:
        self.told.append(duration_ms)


def ending(start_minutes: float, minutes: float, ended: Ended = "success", key: int = 0) -> Ending:
    return Ending(start_minutes * 60, key, "sha", ended, minutes * MINUTE)


def test_a_hang_is_saved_from_the_limit_to_what_is_declared() -> None:
    outcome = replay([ending(0, 10), ending(60, 360, "hang")], LongestSoFar, 0)
    assert (outcome.hangs, outcome.hang_minutes, outcome.saved_minutes) == (1, 360, 350)
    assert outcome.hang_saved_share == pytest.approx(350 / 360)
    assert outcome.false_kills == 0


def test_what_would_have_ended_by_itself_is_a_false_kill_whether_it_would_have_passed_or_failed() -> None:
    outcome = replay([ending(0, 10), ending(60, 11), ending(120, 25, "failure")], LongestSoFar, 0)
    assert (outcome.runs, outcome.false_kills, outcome.lost_minutes) == (3, 2, 10 + 20)
    assert outcome.false_kills_per_10k == pytest.approx(10_000 * 2 / 3)


def test_a_limit_that_is_just_reached_is_kept() -> None:
    assert replay([ending(0, 10), ending(60, 10)], LongestSoFar, 0).false_kills == 0


def test_what_a_rule_killed_it_never_saw_finish() -> None:
    """After the kill at 10 minutes the limit is 20 by the doubling, and 10 again after a success of 5: not 15."""
    trace = [ending(0, 10), ending(60, 15), ending(120, 5), ending(180, 12)]
    assert replay(trace, LongestSoFar, 0).false_kills == 2


def test_each_kill_in_a_row_doubles_the_limit_until_a_success() -> None:
    trace = [ending(0, 10), *(ending(60 * number, 360, "hang") for number in range(1, 4)), ending(300, 10)]
    trace.append(ending(400, 360, "hang"))
    assert replay(trace, LongestSoFar, 0).saved_minutes == 350 + 340 + 320 + 350


def test_who_starts_before_another_one_ended_knows_nothing_of_it() -> None:
    overlapping = [ending(0, 10), ending(9, 360, "hang")]
    assert replay(overlapping, LongestSoFar, 0).saved_minutes == 0
    touching = [ending(0, 10), ending(10, 360, "hang")]
    assert replay(touching, LongestSoFar, 0).saved_minutes == 350


def test_jobs_learn_nothing_of_each_other() -> None:
    assert replay([ending(0, 10, key=1), ending(60, 360, "hang", key=2)], LongestSoFar, 0).saved_minutes == 0


def test_a_failure_teaches_nothing() -> None:
    assert replay([ending(0, 10, "failure"), ending(60, 360, "hang")], LongestSoFar, 0).saved_minutes == 0


def test_no_rule_saves_nothing_and_kills_nothing() -> None:
    outcome = replay([ending(0, 10), ending(60, 360, "hang")], POLICIES["none"], 0)
    assert (outcome.false_kills, outcome.saved_minutes) == (0, 0)


def test_an_empty_trace_is_all_zeros() -> None:
    outcome = replay([], POLICIES["none"], 0)
    assert (outcome.false_kills_per_10k, outcome.hang_saved_share) == (0, 0)
