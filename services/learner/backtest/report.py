"""All rules through one trace, and how good the rates and the flaky ones are: the figures, without a word on them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from services.learner.backtest.flaky_trace import FlakyForecast, flaky_forecast
from services.learner.backtest.forecasts import Forecasts, forecasts
from services.learner.backtest.policies import BASELINE, OURS, POLICIES
from services.learner.backtest.replay import Outcome, replay
from services.learner.backtest.trace import Ending

FLOOR_SECONDS = 300.0
"""The default of what the learner itself takes: no rule ends a job before."""


class PolicyRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One rule. Shares are of the time that hangs take until their declared limit; minutes are of machines.

    `hang_minutes_saved_against_mean` is how much more it saves than 1.5 times the mean (less, where negative).
    `net_minutes_saved` is without what false kills threw away. `forecasts` and `flaky` are of no rule; they stand with
    ours.
    """

    policy: str
    false_kills_per_10k: float
    hang_saved_share: float
    runs: int
    hangs: int
    false_kills: int
    hang_minutes_saved: float
    hang_minutes_saved_against_mean: float
    net_minutes_saved: float
    forecasts: Forecasts | None = None
    flaky: FlakyForecast | None = None


def backtest(endings: Sequence[Ending], floor_ms: float) -> list[PolicyRow]:
    """`endings` by their start."""
    outcomes = {name: replay(endings, make, floor_ms) for name, make in POLICIES.items()}
    mean = outcomes[BASELINE]
    rows = [_row(name, outcome, mean) for name, outcome in outcomes.items()]
    about_ours = {"forecasts": forecasts(endings), "flaky": flaky_forecast(endings)}
    return [msgspec.structs.replace(row, **about_ours) if row.policy == OURS else row for row in rows]


def _row(name: str, outcome: Outcome, mean: Outcome) -> PolicyRow:
    return PolicyRow(
        policy=name,
        false_kills_per_10k=outcome.false_kills_per_10k,
        hang_saved_share=outcome.hang_saved_share,
        runs=outcome.runs,
        hangs=outcome.hangs,
        false_kills=outcome.false_kills,
        hang_minutes_saved=outcome.saved_minutes,
        hang_minutes_saved_against_mean=outcome.saved_minutes - mean.saved_minutes,
        net_minutes_saved=outcome.saved_minutes - outcome.lost_minutes,
    )
