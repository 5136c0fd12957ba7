"""Facts of what was learned, opted into and proposed: the learner's own words come back to it as facts.

They are few, so names stay texts here. `seq`, `place` and `stored_at` are as in `facts`; times are microseconds since
1970, UTC.
"""

from __future__ import annotations

import msgspec


class AdviceFact(msgspec.Struct, frozen=True, gc=False):
    """One piece of what is advised from then on; `piece` is its place in the event. An event without any is one row of
    the kind `none`. Which of the numbers are set depends on the kind. `repository_id` None is for the hosts."""

    seq: int
    place: int
    piece: int
    stored_at: int
    position: int
    repository_id: int | None
    repository: str
    kind: str
    path: str = ""
    job: str = ""
    name: str = ""
    step: str = ""
    n: int | None = None
    limit_ms: float | None = None
    rule: str | None = None
    longest_ms: float | None = None
    upper_ms: float | None = None
    kills: int | None = None
    expected_ms: float | None = None
    failed_lately: bool | None = None
    state: str | None = None
    commits: int | None = None
    lower_bound: float | None = None
    clean_runs: int | None = None
    last: int | None = None
    tool: str | None = None
    lockfile: str | None = None
    cached: str | None = None
    key: str | None = None
    action: str | None = None
    install_ms: float | None = None
    saving_ms: float | None = None
    host: str | None = None
    trust: str | None = None
    size: str | None = None
    target: int | None = None
    rate_per_hour: float | None = None
    dispersion: float | None = None


class EffectFact(msgspec.Struct, frozen=True, gc=False):
    """What became of one piece of advice between two moments."""

    seq: int
    place: int
    stored_at: int
    repository_id: int | None
    kind: str
    path: str
    job: str
    step: str
    since: int
    until: int
    seen: int
    applied: int
    right: int
    wrong: int
    saved_ms: float
    error_ms: float | None


class RecognitionFact(msgspec.Struct, frozen=True, gc=False):
    """A failed step that the log knew; `repositories` is how many may be named, `others` how many besides."""

    seq: int
    place: int
    stored_at: int
    run_id: int
    job: str
    run_attempt: int
    n: int
    step: int
    name: str
    fingerprint: str
    runs: int
    since: int | None
    last: int | None
    repositories: int
    others: int
    broke_sha: str
    mended_sha: str
    mended_at: int | None


class OptInsFact(msgspec.Struct, frozen=True, gc=False):
    seq: int
    place: int
    stored_at: int
    repository_id: int
    repository: str
    sha: str
    pushed: int
    timeouts: str
    retry_flaky: int
    fork_text: bool
    problems: int


class ModelFact(msgspec.Struct, frozen=True, gc=False):
    """An answer of a language model, or why there is none. `task` is `proposal` or `triage`; `about` what cannot run,
    or what was asked about; `why` the model's words, or the reason of a failure."""

    seq: int
    place: int
    stored_at: int
    repository_id: int
    repository: str
    type: str
    task: str
    id: str
    model: str
    run_id: int | None
    run_attempt: int | None
    job: str
    n: int | None
    step: int | None
    path: str
    kind: str
    about: str
    category: str
    by: str
    steps: int | None
    gaps: int | None
    why: str
