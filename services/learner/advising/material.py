"""Whether advice has changed enough to be given again: the log does not grow by a commit a run. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from libs.contracts.advice import (
    Advice,
    AdviceMeasured,
    CacheAdvice,
    DurationAdvice,
    FlakyAdvice,
    PoolAdvice,
    TimeoutAdvice,
)
from libs.views.standing import About, Standing, about

MATERIAL_SHARE = 0.1
"""A limit or an estimate that moved by less changes nothing that is done with it."""
MATERIAL_SAVING_SHARE = 0.25
TOLD_AGAIN = timedelta(days=1)
"""What was measured is told daily, and sooner where it is a verdict on something rare."""
RARE = ("timeout", "flaky")


def is_material(
    standing: Standing, pieces: tuple[Advice, ...], measured: tuple[AdviceMeasured, ...], now: datetime
) -> bool:
    """Whether these pieces, and what became of those that stand, are to be told."""
    before, after = standing.pieces, {about(piece): piece for piece in pieces}
    if before.keys() != after.keys() or any(_moved(before[what], piece) for what, piece in after.items()):
        return True
    if _verdicts(measured) != _verdicts(standing.measured.values()):
        return True
    seen = sum(each.seen for each in measured) > sum(each.seen for each in standing.measured.values())
    return seen and now - standing.at >= TOLD_AGAIN


def _verdicts(measured: Iterable[AdviceMeasured]) -> dict[About, tuple[int, int]]:
    return {
        About(each.kind, each.path, each.job, each.step): (each.right, each.wrong)
        for each in measured
        if each.kind in RARE and (each.right or each.wrong)
    }


def _moved(before: Advice, after: Advice) -> bool:
    match before, after:
        case TimeoutAdvice(), TimeoutAdvice():
            return before.kills != after.kills or _apart(before.limit_ms, after.limit_ms, MATERIAL_SHARE)
        case DurationAdvice(), DurationAdvice():
            other = before.failed_lately != after.failed_lately
            return other or _apart(before.expected_ms, after.expected_ms, MATERIAL_SHARE)
        case FlakyAdvice(), FlakyAdvice():
            return (before.state, before.commits) != (after.state, after.commits)
        case CacheAdvice(), CacheAdvice():
            other = (before.tool, before.lockfile, before.key) != (after.tool, after.lockfile, after.key)
            return other or _apart(before.saving_ms, after.saving_ms, MATERIAL_SAVING_SHARE)
        case PoolAdvice(), PoolAdvice():
            return before.target != after.target
        case _:
            return True


def _apart(before: float, after: float, share: float) -> bool:
    return abs(after - before) > share * max(before, 1.0)
