"""What the learner keeps of the log: one flat, append-only record an event, with names instead of integer keys.

A fact repeats what one event says and nothing that another would have to tell. `seq` and `place` are the commit's place
in its stream and the event's in its commit, `stored_at` microseconds since 1970 on the server's clock, UTC; other times
are milliseconds.
"""

from __future__ import annotations

import msgspec

from services.learner.folding.facts_learned import AdviceFact, EffectFact, ModelFact, OptInsFact, RecognitionFact


class DeliveryFact(msgspec.Struct, frozen=True, gc=False):
    seq: int
    stored_at: int
    guid: str
    event: str
    bytes: int
    hook_id: str


class IntakeFact(msgspec.Struct, frozen=True, gc=False):
    """`cause` is a delivery's GUID or a command's id; `runs` is how many were planned, `path` a rejected workflow's."""

    seq: int
    place: int
    stored_at: int
    cause: str
    type: str
    event: str
    repository: str
    sha: str
    path: str
    runs: int
    why: str


class PlanFact(msgspec.Struct, frozen=True, gc=False):
    """A run's first event; the workflow is known by its repository's number and its path, names may change."""

    seq: int
    stored_at: int
    run_id: int
    repository_id: int
    repository: str
    path: str
    workflow: str
    number: int
    event: str
    sha: str
    ref: str
    run_name: str
    actor: str
    trust: str
    pull_request: int | None
    cause: str
    lockfiles: str
    trial: str
    private: bool


class RunFact(msgspec.Struct, frozen=True, gc=False):
    seq: int
    place: int
    stored_at: int
    run_id: int
    type: str
    run_attempt: int
    conclusion: str | None
    steps_run: int | None
    why: str


class JobFact(msgspec.Struct, frozen=True, gc=False):
    """`job_id` and `name` are empty where the event does not say them; of a queued job `run_attempt`, `timeout_ms`,
    `labels` and `retry_of` are known, of a finished one `retries`."""

    seq: int
    place: int
    stored_at: int
    run_id: int
    job: str
    job_id: str
    name: str
    type: str
    n: int | None
    host: str | None
    outcome: str | None
    conclusion: str | None
    why: str
    run_attempt: int | None = None
    timeout_ms: int | None = None
    labels: str | None = None
    retry_of: int | None = None
    retries: int | None = None


class AttemptFact(msgspec.Struct, frozen=True, gc=False):
    """`how` the sandbox came to be, `ready_ms` in all and `phases` as JSON; `lines` of log."""

    seq: int
    place: int
    stored_at: int
    run_id: int
    job: str
    n: int
    host: str
    type: str
    driver: str | None
    how: str | None
    ready_ms: float | None
    conclusion: str | None
    duration_ms: float | None
    lines: int | None
    why: str
    vm: str | None = None
    image: str | None = None
    cpus: int | None = None
    memory_mib: int | None = None
    phases: str | None = None


class StepFact(msgspec.Struct, frozen=True, gc=False):
    """A finished step; `step` is its index in the plan. `said` is the line that the fingerprint is made of."""

    seq: int
    place: int
    stored_at: int
    run_id: int
    job: str
    name: str
    n: int
    step: int
    outcome: str
    conclusion: str
    duration_ms: float
    exit_code: int | None
    lines: int
    annotations: int
    command: str
    fingerprint: str
    said: str
    category: str
    part: str
    why: str


class TimeoutFact(msgspec.Struct, frozen=True, gc=False):
    """A learned limit that was applied, with its evidence."""

    seq: int
    place: int
    stored_at: int
    run_id: int
    job: str
    run_attempt: int
    from_ms: int
    to_ms: int
    rule: str
    n: int
    longest_ms: float
    upper_ms: float
    kills: int
    position: int


class HostFact(msgspec.Struct, frozen=True, gc=False):
    seq: int
    place: int
    stored_at: int
    host: str
    type: str
    driver: str | None
    slots: int | None
    memory_mib: int | None
    group: str | None
    why: str


class VmFact(msgspec.Struct, frozen=True, gc=False):
    """What a host says of one machine; `run_id`, `job` and `n` are of the attempt that it served, None for none."""

    seq: int
    place: int
    stored_at: int
    host: str
    type: str
    vm: str
    image: str | None
    cpus: int | None
    memory_mib: int | None
    trust: str | None
    how: str | None
    ready_ms: float | None
    phases: str | None
    run_id: int | None
    job: str | None
    n: int | None
    bytes: int | None
    why: str


Fact = (
    DeliveryFact
    | IntakeFact
    | PlanFact
    | RunFact
    | JobFact
    | AttemptFact
    | StepFact
    | TimeoutFact
    | HostFact
    | VmFact
    | AdviceFact
    | EffectFact
    | RecognitionFact
    | OptInsFact
    | ModelFact
)
