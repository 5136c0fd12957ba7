"""What the learner keeps of the log: one flat, append-only record an event, with names instead of integer keys.

A fact repeats what one event says and nothing that another would have to tell. `seq` and `place` are the commit's place
in its stream and the event's in its commit, `stored_at` microseconds since 1970 on the server's clock, UTC; other times
are milliseconds.
"""

from __future__ import annotations

import msgspec


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
    """`job_id` and `name` are empty where the event does not say them."""

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


class AttemptFact(msgspec.Struct, frozen=True, gc=False):
    """`how` the sandbox came to be and `ready_ms` in all, `lines` of log."""

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


class StepFact(msgspec.Struct, frozen=True, gc=False):
    """A finished step; `step` is its index in the plan."""

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
    fingerprint: str
    why: str


class HostFact(msgspec.Struct, frozen=True, gc=False):
    seq: int
    place: int
    stored_at: int
    host: str
    type: str
    driver: str | None
    slots: int | None
    why: str


Fact = DeliveryFact | IntakeFact | PlanFact | RunFact | JobFact | AttemptFact | StepFact | HostFact
