"""What became of advice while it stood: a running total a piece, carried from one commit to the next. Pure.

Measured is what ended behind the place that the standing advice was made of, against what it said then. A piece's
total begins when it is given first, and anew after a month: what a rule did last year says nothing of today's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

import msgspec

from libs.contracts.advice import (
    Advice,
    AdviceMeasured,
    CacheAdvice,
    DurationAdvice,
    FlakyAdvice,
    PoolAdvice,
    TimeoutAdvice,
)
from libs.contracts.ids import JobKey
from libs.contracts.size import Size
from libs.views.standing import About, Standing, about
from services.learner.advising.memory import Memory, Shape
from services.learner.advising.windows import Ended, JobName, JobWindow
from services.learner.learning.caches import is_cache

TOTAL_DAYS = 30
NEAR_SHARE = 0.25
"""An estimate is right where the job took within a quarter of it."""


class Effect(msgspec.Struct, frozen=True):
    """Of one job: how it bears on one piece."""

    applied: int = 0
    right: int = 0
    wrong: int = 0
    saved_ms: float = 0.0
    error_ms: float | None = None


def measure(memory: Memory, repository_id: int, standing: Standing, now: datetime) -> tuple[AdviceMeasured, ...]:
    """The totals of all pieces that stand, of those that something ended for. Of the hosts' advice too."""
    told: list[AdviceMeasured] = []
    for piece in standing.given.advice:
        effects = list(_effects(memory, repository_id, piece, standing.given.position))
        total = _total(about(piece), standing, effects, now)
        if total.seen:
            told.append(total)
    return tuple(told)


def _total(what: About, standing: Standing, effects: list[Effect], now: datetime) -> AdviceMeasured:
    before = standing.measured.get(what)
    if before is None or now - before.since > timedelta(days=TOTAL_DAYS):
        job = JobKey(what.job)
        before = AdviceMeasured(what.kind, what.path, job, what.step, standing.at, standing.at, 0, 0, 0, 0)
    errors = [effect.error_ms for effect in effects if effect.error_ms is not None]
    return msgspec.structs.replace(
        before,
        until=now,
        seen=before.seen + len(effects),
        applied=before.applied + sum(effect.applied for effect in effects),
        right=before.right + sum(effect.right for effect in effects),
        wrong=before.wrong + sum(effect.wrong for effect in effects),
        saved_ms=round(before.saved_ms + sum(effect.saved_ms for effect in effects), 1),
        error_ms=round(median(errors), 1) if errors else before.error_ms,
    )


def _effects(memory: Memory, repository_id: int, piece: Advice, position: int) -> Iterable[Effect]:
    if isinstance(piece, PoolAdvice):
        shape = Shape(piece.host, piece.trust, piece.size or Size(0, 0))
        arrivals = [each for each in memory.arrivals.get(shape, ()) if each.seq > position]
        return [Effect(right=int(each.pooled), wrong=int(not each.pooled)) for each in arrivals]
    window = memory.jobs.get(JobName(repository_id, piece.path, piece.job))
    return _of_job(window, piece, position) if window is not None else ()


def _of_job(
    window: JobWindow, piece: TimeoutAdvice | DurationAdvice | FlakyAdvice | CacheAdvice, position: int
) -> Iterable[Effect]:
    ended = window.since(position)
    if not ended:
        return ()
    match piece:
        case TimeoutAdvice():
            return _of_limit([*window.ended], position, piece.limit_ms)
        case DurationAdvice():
            return [_of_estimate(each, piece.expected_ms) for each in ended if each.outcome == "success"]
        case FlakyAdvice():
            return [_of_flaky(each) for each in ended if each.outcome in ("success", "failure")]
        case CacheAdvice():
            return [_of_cache(each, piece) for each in ended if each.outcome == "success"]


def _of_limit(window: list[Ended], position: int, limit_ms: float) -> Iterable[Effect]:
    """A job that the limit ended is judged when the next one succeeds: had that fitted under the limit as well, it was
    a hang, which would have gone on up to what is declared; else the job needed longer, and it was wrong.
    """
    killed: list[Ended] = []
    for ended in window:
        new = ended.seq > position
        if ended.outcome == "success":
            verdict = _judged(killed, ended)
            killed = []
            if new:
                yield _plus(verdict, _of_untouched(ended, limit_ms))
        elif ended.killed:
            killed.append(ended)
            if new:
                yield Effect(applied=1)
        elif new:
            yield _of_untouched(ended, limit_ms)


def _judged(killed: list[Ended], success: Ended) -> Effect:
    hangs = [each for each in killed if success.duration_ms <= each.limit_ms]
    saved_ms = sum(each.declared_ms - each.limit_ms for each in hangs)
    return Effect(right=len(hangs), wrong=len(killed) - len(hangs), saved_ms=saved_ms)


def _of_untouched(ended: Ended, limit_ms: float) -> Effect:
    """Not ended by a learned limit: the one that it ran under was kept, or what the advised one would have done."""
    if ended.limit_ms > 0:
        return Effect(applied=1)
    beyond_ms = ended.duration_ms - limit_ms
    if beyond_ms <= 0 or ended.outcome == "failure":
        return Effect()
    return Effect(wrong=1) if ended.outcome == "success" else Effect(right=1, saved_ms=beyond_ms)


def _plus(one: Effect, other: Effect) -> Effect:
    return Effect(
        one.applied + other.applied, one.right + other.right, one.wrong + other.wrong, one.saved_ms + other.saved_ms
    )


def _of_estimate(ended: Ended, expected_ms: float) -> Effect:
    error_ms = abs(ended.duration_ms - expected_ms)
    near = error_ms <= NEAR_SHARE * expected_ms
    return Effect(right=int(near), wrong=int(not near), error_ms=error_ms)


def _of_flaky(ended: Ended) -> Effect:
    """Of jobs that were run again because they are known to be flaky: passed then, or failed again."""
    passed = ended.outcome == "success"
    if not ended.retries:
        return Effect()
    return Effect(applied=1, right=int(passed), wrong=int(not passed))


def _of_cache(ended: Ended, piece: CacheAdvice) -> Effect:
    if not any(is_cache(command.command) for command in ended.commands):
        return Effect(wrong=1)
    took = sum(command.duration_ms for command in ended.commands if command.step == piece.step)
    return Effect(applied=1, right=1, saved_ms=max(0.0, piece.install_ms - took))
