"""What the learner gives back: `ev.advice.<repository_id>` and `ev.advice.fleet`, written by it alone.

Each commit holds one `AdviceGiven`, which is all advice that stands for that repository (or for the hosts), so the last
message of a subject is enough; beside it, what became of advice that stood before. Whoever applies a piece says so in
an event of its own (`TimeoutAdjusted`, `JobQueued.retry_of`): advice by itself changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from libs.contracts.ids import HostId, JobKey
from libs.contracts.plan import Trust
from libs.contracts.size import Size

AdviceKind = Literal["timeout", "duration", "flaky", "cache", "pool"]
FlakyState = Literal["watch", "flaky"]


class TimeoutAdvice(msgspec.Struct, frozen=True, tag="timeout", tag_field="kind"):
    """How long a job may take. `n` successes of which the longest took `longest_ms`; `upper_ms`, `mu`, `sigma` and
    `factor` are the terms of the rule, `kills` the jobs it ended since the last success (each doubles the limit).
    """

    path: str
    job: JobKey
    name: str
    limit_ms: int
    rule: Literal["cold", "warm"]
    n: int
    longest_ms: float
    upper_ms: float = 0
    mu: float = 0
    sigma: float = 0
    factor: float = 0
    kills: int = 0


class DurationAdvice(msgspec.Struct, frozen=True, tag="duration", tag_field="kind"):
    """How long a job is expected to take (the median of the last `n`), and whether it failed the last time."""

    path: str
    job: JobKey
    name: str
    expected_ms: float
    n: int
    failed_lately: bool = False


class FlakyAdvice(msgspec.Struct, frozen=True, tag="flaky", tag_field="kind"):
    """Passed and failed at the same commit, at each of `commits`. `step` is empty where it is the job as a whole.

    `lower_bound` is of the share of commits at which it does so: failures that nobody ran again are not seen.
    """

    path: str
    job: JobKey
    name: str
    step: str
    state: FlakyState
    commits: tuple[str, ...]
    lower_bound: float
    clean_runs: int
    last: datetime


class CacheAdvice(msgspec.Struct, frozen=True, tag="cache", tag_field="kind"):
    """An installation that is made anew in each run although a lockfile says what it installs."""

    path: str
    job: JobKey
    name: str
    step: str
    tool: str
    lockfile: str
    cached: str
    key: str
    action: str
    install_ms: float
    saving_ms: float
    n: int


class PoolAdvice(msgspec.Struct, frozen=True, tag="pool", tag_field="kind"):
    """How many machines of a shape shall stand ready on a host; `size` None is the host's usual one.

    `dispersion` is the variance of arrivals over their mean: 1 where they come independently of each other.
    """

    host: HostId
    trust: Trust
    size: Size | None
    target: int
    rate_per_hour: float
    dispersion: float
    windows: int


Advice = TimeoutAdvice | DurationAdvice | FlakyAdvice | CacheAdvice | PoolAdvice


class AdviceGiven(msgspec.Struct, frozen=True, tag="AdviceGiven"):
    """All that is advised as of the message at `position` of EVENTS; what is not in it does not stand any more."""

    position: int
    advice: tuple[Advice, ...]
    repository: str = ""


class AdviceMeasured(msgspec.Struct, frozen=True, tag="AdviceMeasured"):
    """What became of one piece from `since` until `until`: jobs that it was about (`seen`), those to which it was
    applied, those for which it was right and wrong, and what it saved.

    A running total, carried from commit to commit: the last one of a piece and a `since` holds all of those before it,
    and none is to be added to another. It begins when the piece is given, and anew after a month. Of a pool `path` is
    the host and `step` the shape (`own 2cpu-4gb`).

    Right and wrong by kind. timeout: a hang that it ended, or would have; a success that it ended, or would have.
    duration: within a quarter of the estimate, or not. flaky: passed when run again, or failed again. cache: a cache
    step came, or not yet. pool: a job that found a machine ready, or none. `saved_ms` is of machines, `error_ms` the
    median distance of a duration from its estimate.
    """

    kind: AdviceKind
    path: str
    job: JobKey
    step: str
    since: datetime
    until: datetime
    seen: int
    applied: int
    right: int
    wrong: int
    saved_ms: float = 0
    error_ms: float | None = None


AdviceEvent = AdviceGiven | AdviceMeasured
