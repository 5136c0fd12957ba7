"""Each rule by numbers that one can work out by hand."""

from __future__ import annotations

import pytest

from services.learner.backtest.policies import BASELINE, NONE, OURS, POLICIES
from services.learner.learning.timeouts import limit

MINUTE = 60_000.0
DECLARED = 360 * MINUTE


def minutes(name: str, successes: list[float], kills: int = 0, floor: float = 0.0) -> float:
    policy = POLICIES[name]()
    for each in successes:
        policy.succeeded(each * MINUTE)
    return policy.limit_ms(kills, floor * MINUTE, DECLARED) / MINUTE


@pytest.mark.parametrize("name", POLICIES)
def test_who_knows_too_little_says_what_is_declared(name: str) -> None:
    assert minutes(name, [10, 10]) == (60 if name == "fixed-60" else 360)


def test_each_rule_says_what_its_name_does() -> None:
    successes = [20.0] * 10 + [10.0] * 10
    assert minutes(NONE, successes) == 360
    assert minutes("fixed-60", successes) == 60
    assert minutes("jenkins", successes) == pytest.approx(15)
    assert minutes(BASELINE, successes) == pytest.approx(22.5)
    assert minutes("mean-3-sigma", successes) == pytest.approx(15 + 3 * 5.1299)
    assert minutes("p99", successes) == pytest.approx(20)
    assert minutes("max-1.1", successes) == pytest.approx(22)


def test_tcp_follows_rfc_6298() -> None:
    # srtt 10, rttvar 5; then 18: rttvar 0.75 * 5 + 0.25 * 8 = 5.75, srtt 11; then 11: rttvar 4.3125, srtt 11.
    assert minutes("tcp", [10, 18, 11]) == pytest.approx(11 + 4 * 4.3125)


@pytest.mark.parametrize("name", ["mean-3-sigma", "p99", "max-1.1"])
def test_only_the_last_200_count(name: str) -> None:
    assert minutes(name, [300.0, *[10.0] * 200]) == pytest.approx(minutes(name, [10.0] * 200))


def test_ours_is_the_formula() -> None:
    successes = [float(5 + number * 7 % 13) for number in range(40)]
    known = limit([each * MINUTE for each in successes], 1, 5 * MINUTE, DECLARED)
    assert minutes(OURS, successes, 1, 5) * MINUTE == pytest.approx(known.limit_ms)


@pytest.mark.parametrize("name", [name for name in POLICIES if name not in (NONE, "fixed-60")])
def test_all_that_learn_have_the_floor_the_doubling_and_the_declared_limit(name: str) -> None:
    successes = [1.0] * 20
    assert minutes(name, successes, 0, 50) == 50
    assert minutes(name, successes, 1, 50) == 100
    assert minutes(name, successes, 5, 50) == 360
