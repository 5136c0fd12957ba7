"""What is named in the first half is looked for in the second."""

from __future__ import annotations

from services.learner.backtest.flaky_trace import flaky_forecast
from services.learner.backtest.trace import Ended, Ending

HOUR = 3600.0


def ending(hour: float, sha: str, ended: Ended, key: int) -> Ending:
    return Ending(hour * HOUR, key, sha, ended, 60_000)


def flaked(hour: float, sha: str, key: int) -> list[Ending]:
    return [ending(hour, sha, "failure", key), ending(hour + 0.5, sha, "success", key)]


def test_who_flaked_twice_and_again_is_a_hit_and_who_did_not_is_none() -> None:
    again = flaked(1, "a", 1) + flaked(2, "b", 1) + flaked(80, "c", 1)
    never = flaked(3, "a", 2) + flaked(4, "b", 2) + [ending(81, "c", "success", 2)]
    fine = [ending(hour, f"s{hour}", "success", 3) for hour in (5, 6, 82)] + [ending(100, "end", "success", 3)]
    known = flaky_forecast(sorted(again + never + fine, key=lambda each: each.start_seconds))
    assert [(each.k, each.named, each.share) for each in known.precision] == [(10, 2, 0.5), (50, 2, 0.5)]
    assert (known.keys, known.base_share) == (3, 1 / 3)


def test_a_day_on_which_everything_failed_names_nobody() -> None:
    outage = [ending(1 + number / 10, f"s{number}", "failure", key) for number in range(9) for key in (1, 2)]
    outage += [ending(3, "s0", "success", 1), ending(3, "s1", "success", 1)]
    later = [ending(100, "z", "success", key) for key in (1, 2)]
    assert flaky_forecast(outage + later).precision[0].named == 0


def test_of_nothing_nothing_is_named() -> None:
    assert flaky_forecast([]).keys == 0
