"""Which advice should stand, for a repository or for the hosts: the formulas of `learning` over what is remembered.
Pure: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from statistics import median

import msgspec

from libs.contracts.advice import Advice, CacheAdvice, DurationAdvice, FlakyAdvice, PoolAdvice, TimeoutAdvice
from libs.contracts.envelope import encode
from libs.contracts.ids import HostId, JobKey
from services.learner.advising.memory import ARRIVAL_SECONDS, DAYS_KEPT, Memory, Repository
from services.learner.advising.windows import Ended, JobName, JobWindow, Pieces
from services.learner.learning.caches import is_cache, suggest
from services.learner.learning.durations import EXPECTED_RUNS, expected_ms
from services.learner.learning.flakiness import (
    DAY_SECONDS,
    INFRASTRUCTURE_RUNS,
    INFRASTRUCTURE_SHARE,
    Flakiness,
    Observation,
    day,
    flakiness,
)
from services.learner.learning.pool import pool_size
from services.learner.learning.timeouts import limit

REMEMBERED_SECONDS = 90 * DAY_SECONDS
"""A job that did not run for so long is not advised of: its workflow is gone, or is another."""
PIECES_BYTES = 700_000
"""Of one repository's advice: with its envelope and what is measured it fits a message. Some two thousand pieces."""
COMMITS_TOLD = 10
HOUR_SECONDS = 3600
REPLACED_SECONDS = 60.0
"""How long a machine that was taken is missing from its pool, at the most: what stands ready covers a burst."""


def wanted(memory: Memory, repository_id: int, now: float, floor_ms: float) -> tuple[Advice, ...]:
    """In a fixed order; where it would be too much for a message, without the jobs that ended longest ago."""
    repository = memory.repositories.get(repository_id)
    if repository is None:
        return ()
    today = _Day(ceil(now / HOUR_SECONDS) * HOUR_SECONDS, floor_ms, _infrastructure(repository))
    names = [name for name in repository.jobs if memory.jobs[name].last_at >= now - REMEMBERED_SECONDS]
    names.sort(key=lambda name: -memory.jobs[name].last_at)
    kept: list[Advice] = []
    room = PIECES_BYTES
    for name in names:
        pieces = _pieces(name, memory.jobs[name], today)
        room -= pieces.size_bytes
        if room < 0:
            break
        kept += pieces.advice
    return tuple(sorted(kept, key=_order))


def wanted_pools(memory: Memory, now: float) -> tuple[PoolAdvice, ...]:
    """Of each host and shape that jobs came to in the last week; together never more than the host has slots."""
    pieces: list[PoolAdvice] = []
    left = dict(memory.slots)
    for shape, arrivals in sorted(memory.arrivals.items()):
        times = [arrival.at for arrival in arrivals if arrival.at >= now - ARRIVAL_SECONDS]
        if not times:
            continue
        # The horizon is what is known of the week: a host that joined an hour ago is not idle for the rest of it.
        horizon = max(now - times[0], REPLACED_SECONDS)
        size = pool_size([*times], REPLACED_SECONDS, horizon)
        target = min(size.size, left.get(shape.host, 0))
        left[shape.host] = left.get(shape.host, 0) - target
        pieces.append(
            PoolAdvice(
                host=HostId(shape.host),
                trust=shape.trust,
                size=shape.size,
                target=target,
                rate_per_hour=round(size.rate_per_hour, 3),
                dispersion=round(size.dispersion, 3),
                windows=size.windows,
            )
        )
    return tuple(pieces)


class _Day(msgspec.Struct, frozen=True):
    """What all jobs of a repository have in common. `now` is the end of this hour: what is said holds until then."""

    now: float
    floor_ms: float
    infrastructure: frozenset[int]


def _pieces(name: JobName, window: JobWindow, today: _Day) -> Pieces:
    """Said anew only for what changed: a repository may have a thousand jobs, of which one ended."""
    if window.pieces is None or window.pieces.given != today:
        advice = tuple(_of_job(name, window, today))
        window.pieces = Pieces(today, advice, sum(len(encode(piece)) for piece in advice))
    return window.pieces


def _infrastructure(repository: Repository) -> frozenset[int]:
    """Days on which nearly everything failed: that was not for what is in the repository, or for one commit of it."""
    return frozenset(
        number
        for number, (ended, failed) in repository.days.items()
        if ended >= INFRASTRUCTURE_RUNS and failed > INFRASTRUCTURE_SHARE * ended
    )


def _of_job(name: JobName, window: JobWindow, today: _Day) -> Iterator[Advice]:
    if (timeout := _timeout(name, window, today.floor_ms)) is not None:
        yield timeout
    if (expected := expected_ms([*window.successes_ms])) is not None:
        yield DurationAdvice(
            path=name.path,
            job=JobKey(name.job),
            name=window.name,
            expected_ms=round(expected, 1),
            n=min(len(window.successes_ms), EXPECTED_RUNS),
            failed_lately=window.failed_lately,
        )
    yield from _flaky(name, window, today)
    yield from _caches(name, window)


def _timeout(name: JobName, window: JobWindow, floor_ms: float) -> TimeoutAdvice | None:
    """None where too little is known, or the rule comes to what is declared anyway."""
    found = limit([*window.successes_ms], window.kills, floor_ms, window.declared_ms)
    if found.rule == "declared" or ceil(found.limit_ms) >= window.declared_ms:
        return None
    return TimeoutAdvice(
        path=name.path,
        job=JobKey(name.job),
        name=window.name,
        limit_ms=ceil(found.limit_ms),
        rule=found.rule,
        n=found.n,
        longest_ms=round(found.longest_ms, 1),
        upper_ms=round(found.upper_ms, 1),
        mu=round(found.mu, 4),
        sigma=round(found.sigma, 4),
        factor=round(found.factor, 4),
        kills=found.kills,
    )


def _flaky(name: JobName, window: JobWindow, today: _Day) -> Iterator[FlakyAdvice]:
    """The job as a whole, and each of its steps that ever failed."""
    telling = [
        ended
        for ended in window.ended
        if ended.outcome in ("success", "failure")
        and day(ended.at) > day(today.now) - DAYS_KEPT
        and day(ended.at) not in today.infrastructure
    ]
    steps = sorted({step.name for ended in telling for step in ended.failed})
    whole = [
        Observation(ended.at, ended.sha, ended.outcome == "success", ended.after_failure, ended.inputs)
        for ended in telling
    ]
    for step, observations in (("", whole), *((step, _observed(step, telling)) for step in steps)):
        found = flakiness(observations, today.now)
        if found.state != "none":
            yield _flaky_advice(name, window, step, found)


def _observed(step: str, telling: list[Ended]) -> list[Observation]:
    """It passed where the job did, or failed at a later step only."""
    place = max(failed.place for ended in telling for failed in ended.failed if failed.name == step)
    observations: list[Observation] = []
    for ended in telling:
        failed = any(each.name == step for each in ended.failed)
        if failed or ended.outcome == "success" or any(each.place > place for each in ended.failed):
            observations.append(Observation(ended.at, ended.sha, not failed, False, ended.inputs))
    return observations


def _flaky_advice(name: JobName, window: JobWindow, step: str, found: Flakiness) -> FlakyAdvice:
    assert found.state != "none"
    return FlakyAdvice(
        path=name.path,
        job=JobKey(name.job),
        name=window.name,
        step=step,
        state=found.state,
        commits=found.commits[-COMMITS_TOLD:],
        lower_bound=round(found.lower_bound, 4),
        clean_runs=found.clean_runs,
        last=datetime.fromtimestamp(found.last_seconds, UTC),
    )


def _caches(name: JobName, window: JobWindow) -> Iterator[CacheAdvice]:
    """By the last successes; whether a cache is there says the last of them."""
    successes = [ended for ended in window.ended if ended.outcome == "success"][-EXPECTED_RUNS:]
    if not successes or not window.lockfiles:
        return
    took: dict[str, list[float]] = {}
    steps: dict[str, str] = {}
    for ended in successes:
        for command in ended.commands:
            took.setdefault(command.command, []).append(command.duration_ms)
            steps[command.command] = command.step
    medians = {command: median(durations) for command, durations in took.items() if not is_cache(command)}
    has_cache = any(is_cache(command.command) for command in successes[-1].commands)
    for found in suggest(window.lockfiles, medians, has_cache):
        command = next(command for command, ms in medians.items() if ms == found.install_ms)
        yield CacheAdvice(
            path=name.path,
            job=JobKey(name.job),
            name=window.name,
            step=steps[command],
            tool=found.tool,
            lockfile=found.lockfile,
            cached=found.path,
            key=found.key,
            action=found.action,
            install_ms=round(found.install_ms, 1),
            saving_ms=round(found.saving_ms, 1),
            n=len(took[command]),
        )


def _order(advice: Advice) -> tuple[str, str, str, str]:
    assert not isinstance(advice, PoolAdvice)
    step = advice.step if isinstance(advice, FlakyAdvice | CacheAdvice) else ""
    return advice.path, advice.job, type(advice).__name__, step
