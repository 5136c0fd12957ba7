"""Forecasts are made from the past, and judged by what came."""

from __future__ import annotations

from math import log

import pytest

from services.learner.backtest.forecasts import BLOCK, forecasts, interval
from services.learner.backtest.synthetic import Parameters, endings
from services.learner.backtest.timeline import timeline
from services.learner.backtest.trace import Ended, Ending


def ending(start: float, ended: Ended = "success", seconds: float = 60, key: int = 0) -> Ending:
    return Ending(start, key, "sha", ended, seconds * 1000)


def test_starts_and_ends_come_in_the_order_of_time() -> None:
    long, short, late = ending(0, seconds=100), ending(10, seconds=20), ending(30, seconds=5)
    assert list(timeline([long, short, late])) == [
        ("start", long),
        ("start", short),
        ("end", short),
        ("start", late),
        ("end", late),
        ("end", long),
    ]


def test_the_uniform_prior_pays_what_can_be_worked_out() -> None:
    known = forecasts([ending(0), ending(100), ending(200, "failure")])
    assert known.log_loss["beta-1-1"] == pytest.approx(-(log(1 / 2) + log(2 / 3) + log(1 / 4)) / 3)


def test_an_outcome_that_has_not_ended_foretells_nothing() -> None:
    known = forecasts([ending(0, seconds=1_000), ending(10)])
    assert known.log_loss["beta-1-1"] == pytest.approx(-log(1 / 2))


def test_hangs_are_left_out() -> None:
    assert forecasts([ending(0), ending(100, "hang")]).outcomes == 1


def test_the_interval_holds_nine_of_ten() -> None:
    assert interval(20, 1e6, 1e6) == (6, 14)  # Binomial(20, 1/2): 2.1 % lie below 6, 2.1 % above 14.
    assert interval(20, 1, 1) == (1, 19)
    assert interval(20, 1e9, 1e-3) == (20, 20)


def test_with_steady_rates_pooling_is_the_best_and_the_interval_covers() -> None:
    steady = Parameters(jobs=150, per_job=60, same_commit_share=0, mend_share=1.0, hang_share=0)
    known = forecasts(endings(1, steady))
    assert known.log_loss["pooled"] < known.log_loss["beta-1-1"] < known.log_loss["raw"]
    assert known.coverage["trend"] > 0.85
    assert known.blocks > 100
    assert BLOCK == 20


def test_of_nothing_nothing_is_said() -> None:
    known = forecasts([])
    assert (known.outcomes, known.blocks, known.coverage) == (0, 0, {})
