"""Whether a job or a step sometimes fails for no reason of the commit's: it passed and failed on the very same one.

Passing after failing on another commit proves nothing: somebody mended it. So what is found here is a lower bound (of
intermittent failures, labels made of reruns miss about a third).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from services.learner.learning.beta import beta_quantile

DAY_SECONDS = 86_400.0
FLAKY_COMMITS = 2
FLAKY_SECONDS = 14 * DAY_SECONDS
RECOVERY_SECONDS = 7 * DAY_SECONDS
RECOVERY_RUNS = 50
LOWER_SHARE = 0.05
INFRASTRUCTURE_SHARE = 0.8
INFRASTRUCTURE_RUNS = 10
"""Fewer runs of a day that all failed are bad luck, or one bad commit."""

State = Literal["none", "watch", "flaky"]


class Observation(msgspec.Struct, frozen=True):
    """One outcome of one key. `retried`: an earlier attempt of the same run had failed. `inputs` is a hash of them."""

    at_seconds: float
    sha: str
    passed: bool
    retried: bool = False
    inputs: str = ""


class Flakiness(msgspec.Struct, frozen=True):
    """`commits` are those that it flaked on since it last recovered, oldest first; `lower_bound` of the share of its
    commits that it flakes on; `clean_runs` passed since `last_seconds`, when it flaked last.
    """

    state: State
    commits: tuple[str, ...]
    lower_bound: float
    clean_runs: int
    last_seconds: float


def flakiness(observations: Sequence[Observation], now_seconds: float) -> Flakiness:
    """Of one key, in any order; days on which everything failed are left out by the caller (`infrastructure_days`).

    Event = pass and fail for one (sha, inputs), or passed when retried. Watch at one commit, flaky at two within 14
    days; recovered after 7 days and 50 runs that passed, which begins anew. The bound is Clopper and Pearson's, at 5 %:
    of the commits since 14 days before the last event those that it flaked on.

    Source: reference B 2, after Trunk's pass-on-retry monitors.
    """
    ordered = sorted(observations, key=lambda observation: observation.at_seconds)
    passes = [each.at_seconds for each in ordered if each.passed]
    events = _since_recovery(_events(ordered), passes)
    if not events:
        return Flakiness("none", (), 0.0, len(passes), 0.0)
    last_seconds = events[-1][0]
    clean_runs = bisect_right(passes, now_seconds) - bisect_right(passes, last_seconds)
    if _recovered(last_seconds, now_seconds, clean_runs):
        return Flakiness("none", (), 0.0, clean_runs, last_seconds)
    state: State = "flaky" if _close_together(events) else "watch"
    commits = tuple(dict.fromkeys(sha for _, sha in events))
    return Flakiness(state, commits, _lower_bound(ordered, events), clean_runs, last_seconds)


def infrastructure_days(outcomes: Iterable[tuple[float, bool]]) -> frozenset[int]:
    """Of (time, passed) pairs of everything that ran: the days since 1970 on which over 80 % failed, of 10 at least."""
    passed: dict[int, list[bool]] = {}
    for at_seconds, good in outcomes:
        passed.setdefault(day(at_seconds), []).append(good)
    return frozenset(
        number
        for number, goods in passed.items()
        if len(goods) >= INFRASTRUCTURE_RUNS and goods.count(False) > INFRASTRUCTURE_SHARE * len(goods)
    )


def day(at_seconds: float) -> int:
    return int(at_seconds // DAY_SECONDS)


def _events(ordered: Sequence[Observation]) -> list[tuple[float, str]]:
    """When it flaked and on which commit, one a commit and inputs: the moment that the second of both outcomes came."""
    seen: dict[tuple[str, str], set[bool]] = {}
    told: set[tuple[str, str]] = set()
    events: list[tuple[float, str]] = []
    for each in ordered:
        key = (each.sha, each.inputs)
        outcomes = seen.setdefault(key, set())
        outcomes.add(each.passed)
        if key not in told and (len(outcomes) > 1 or (each.passed and each.retried)):
            told.add(key)
            events.append((each.at_seconds, each.sha))
    return events


def _since_recovery(events: list[tuple[float, str]], passes: Sequence[float]) -> list[tuple[float, str]]:
    """The events after the last gap in which the key had recovered."""
    start = 0
    for place, ((before, _), (after, _)) in enumerate(pairwise(events), 1):
        if _recovered(before, after, bisect_left(passes, after) - bisect_right(passes, before)):
            start = place
    return events[start:]


def _recovered(last_seconds: float, now_seconds: float, clean_runs: int) -> bool:
    return now_seconds - last_seconds >= RECOVERY_SECONDS and clean_runs >= RECOVERY_RUNS


def _close_together(events: Sequence[tuple[float, str]]) -> bool:
    """Two different commits within 14 days. Neighbours in time suffice: between any two that are, there are such."""
    return any(
        first_sha != second_sha and second - first <= FLAKY_SECONDS
        for (first, first_sha), (second, second_sha) in pairwise(events)
    )


def _lower_bound(ordered: Sequence[Observation], events: Sequence[tuple[float, str]]) -> float:
    begin = events[-1][0] - FLAKY_SECONDS
    commits = {each.sha for each in ordered if each.at_seconds >= begin}
    flaked = {sha for at_seconds, sha in events if at_seconds >= begin}
    return beta_quantile(LOWER_SHARE, len(flaked), len(commits) - len(flaked) + 1)


def by_lower_bound(keys: Mapping[str, Flakiness]) -> list[str]:
    """The flaky first, then the watched, each the surest first: the order in which they are worth a look."""
    weight: dict[State, int] = {"flaky": 2, "watch": 1, "none": 0}
    return sorted(keys, key=lambda key: (-weight[keys[key].state], -keys[key].lower_bound, key))
