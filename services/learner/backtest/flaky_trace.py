"""Whether what is named flaky goes on to be: named from the first half of a trace, looked for in the second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from services.learner.backtest.trace import Ending
from services.learner.learning.flakiness import Observation, by_lower_bound, day, flakiness, infrastructure_days

NAMED = (10, 50)
"""As many as a team looks at, and as many as it could."""


class Precision(msgspec.Struct, frozen=True):
    """Of the first `k` that were named `share` flaked again."""

    k: int
    named: int
    share: float


class FlakyForecast(msgspec.Struct, frozen=True):
    """`base_share` is of all keys of both halves: what naming at random would get."""

    precision: tuple[Precision, ...]
    keys: int
    base_share: float


def flaky_forecast(endings: Sequence[Ending]) -> FlakyForecast:
    if not endings:
        return FlakyForecast((), 0, 0.0)
    middle = (endings[0].start_seconds + endings[-1].start_seconds) / 2
    ended = [ending for ending in endings if ending.ended != "hang"]
    before = _observed(ending for ending in ended if ending.end_seconds <= middle)
    after = _observed(ending for ending in ended if ending.start_seconds > middle)
    known = {str(key): flakiness(seen, middle) for key, seen in before.items()}
    named = [int(key) for key in by_lower_bound(known) if known[key].state == "flaky"]
    again = {key for key, seen in after.items() if _flaked(seen)}
    both = before.keys() & after.keys()
    return FlakyForecast(
        precision=tuple(_precision(k, named, again) for k in NAMED),
        keys=len(both),
        base_share=len(again & both) / len(both) if both else 0.0,
    )


def _observed(endings: Iterable[Ending]) -> dict[int, list[Observation]]:
    """By key, without the days on which nearly everything failed."""
    kept = list(endings)
    left_out = infrastructure_days((each.end_seconds, each.ended == "success") for each in kept)
    seen: dict[int, list[Observation]] = {}
    for each in kept:
        if day(each.end_seconds) not in left_out:
            observation = Observation(each.end_seconds, each.sha, each.ended == "success", each.retried)
            seen.setdefault(each.key, []).append(observation)
    return seen


def _flaked(seen: Sequence[Observation]) -> bool:
    outcomes: dict[str, set[bool]] = {}
    for each in seen:
        outcomes.setdefault(each.sha, set()).add(each.passed)
    return any(len(both) > 1 for both in outcomes.values()) or any(each.retried and each.passed for each in seen)


def _precision(k: int, named: Sequence[int], again: set[int]) -> Precision:
    first = named[:k]
    return Precision(k, len(first), sum(key in again for key in first) / len(first) if first else 0.0)
