"""A made trace: parameters that are documented (docs/backtest.md says where each comes from) and a seed.

The same seed gives the same trace. Its size, spread and drift were set with the figures of the rules in view, ours
among them: it compares rules, and how they do on a log of one's own says `firebreak backtest TRACE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log, sqrt
from random import Random

import msgspec

from services.learner.backtest.trace import DEFAULT_LIMIT_MS, Ending

MINUTE_MS = 60_000.0
DAY_SECONDS = 86_400.0
MOST_BROKEN = 0.8
"""Of a job's commits: what never passes is switched off."""


class Parameters(msgspec.Struct, frozen=True):
    """Durations are lognormal: a `sigma` is a standard deviation of their natural logarithm."""

    jobs: int = 500
    per_job: float = 200.0
    """The mean number of runs of a job; the numbers are lognormal as well, with `per_job_sigma`."""
    per_job_sigma: float = 1.0
    days: float = 90.0
    median_minutes: float = 5.6
    between_sigma: float = 0.85
    within_sigma: float = 0.2
    """The median over the jobs; itself lognormal with `within_spread`."""
    within_spread: float = 0.5
    drift_sigma: float = 0.02
    """Of the walk of the job's median in a day."""
    change_days: float = 45.0
    """So often, in the mean, it also moves for good by a step of `change_sigma`: somebody adds tests."""
    change_sigma: float = 0.3
    slow_share: float = 0.01
    """Runs that take 1.5 to 3 times as long: a cold cache, a noisy neighbour, a mirror that is down."""
    slow_low: float = 1.5
    slow_high: float = 3.0
    hang_share: float = 0.005
    failure_share: float = 0.197
    flaky_failure_share: float = 0.17
    """Of the failures those that are nobody's fault."""
    flaky_jobs_share: float = 0.16
    mend_share: float = 0.4
    """How likely the next commit mends what a commit broke."""
    same_commit_share: float = 0.25
    """Runs at the commit of the run before: another trigger, or run again."""


def endings(seed: int, parameters: Parameters | None = None) -> list[Ending]:
    """By start. Two runs of one job overlap only where the first takes longer than until the second starts."""
    parameters = parameters or Parameters()
    # A made trace is to be the same again, not to be a secret.
    random = Random(seed)  # noqa: S311
    made = [each for key in range(parameters.jobs) for each in _job(key, random, parameters)]
    return sorted(made, key=lambda ending: (ending.start_seconds, ending.key))


def _job(key: int, random: Random, p: Parameters) -> Iterator[Ending]:
    """All runs of one job."""
    runs = max(1, round(_lognormal(random, p.per_job * exp(-(p.per_job_sigma**2) / 2), p.per_job_sigma)))
    center = log(_lognormal(random, p.median_minutes, p.between_sigma))
    within = _lognormal(random, p.within_sigma, p.within_spread)
    flakes = _flaking(random, p)
    breaks = _breaking(random, p)
    broken, commit, before_seconds = False, 0, 0.0
    for start_seconds in sorted(random.uniform(0, p.days * DAY_SECONDS) for _ in range(runs)):
        if commit == 0 or random.random() >= p.same_commit_share:
            commit += 1
            broken = random.random() >= p.mend_share if broken else random.random() < breaks
        center += _moved(random, p, (start_seconds - before_seconds) / DAY_SECONDS)
        before_seconds = start_seconds
        duration_ms = min(exp(random.gauss(center, within)) * _slowness(random, p) * MINUTE_MS, DEFAULT_LIMIT_MS)
        failed = broken or random.random() < flakes
        sha = f"{key}-{commit}"
        if random.random() < p.hang_share:
            yield Ending(start_seconds, key, sha, "hang", DEFAULT_LIMIT_MS)
        elif failed:
            yield Ending(start_seconds, key, sha, "failure", duration_ms * random.uniform(0.05, 1))
        else:
            yield Ending(start_seconds, key, sha, "success", duration_ms)


def _moved(random: Random, p: Parameters, days: float) -> float:
    """How far the logarithm of a job's median went in so many days."""
    moved = random.gauss(0, p.drift_sigma * sqrt(days))
    changed = random.random() < 1 - exp(-days / p.change_days)
    return moved + random.gauss(0, p.change_sigma) if changed else moved


def _slowness(random: Random, p: Parameters) -> float:
    return random.uniform(p.slow_low, p.slow_high) if random.random() < p.slow_share else 1.0


def _flaking(random: Random, p: Parameters) -> float:
    """How likely a run of the job fails at a commit that is sound; 0 for most jobs."""
    if random.random() >= p.flaky_jobs_share:
        return 0.0
    mean = p.failure_share * p.flaky_failure_share / p.flaky_jobs_share / (1 - p.failure_share)
    return min(0.9, random.expovariate(1 / mean)) if mean else 0.0


def _breaking(random: Random, p: Parameters) -> float:
    """How likely a commit breaks the job, so that its share of broken commits is the one drawn for it."""
    mean = p.failure_share * (1 - p.flaky_failure_share)
    share = min(MOST_BROKEN, random.expovariate(1 / mean)) if mean else 0.0
    return min(1.0, p.mend_share * share / (1 - share))


def _lognormal(random: Random, median: float, sigma: float) -> float:
    return median * exp(random.gauss(0, sigma))
