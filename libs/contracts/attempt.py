"""An attempt at a job: `ev.attempt.<host_id>.<owner>.<repo>.<run_id>.<job>.<n>`, the lease itself.

Written by that host's agent; the scheduler writes `AttemptLost` and nothing else, and whoever appends second has lost.
Durations are monotonic milliseconds.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from libs.contracts.blobs import BlobRef
from libs.contracts.ids import BootId, HostId, JobKey, RunId
from libs.contracts.results import Result
from libs.contracts.size import Size

AnnotationLevel = Literal["notice", "warning", "error"]
FailureCategory = Literal["", "signal", "out of memory", "disk full", "time limit", "network"]
"""What rules without a doubt say of a failed step from its end and its masked output; empty where they say nothing."""
StepPart = Literal["main", "pre", "post", "setup"]
"""What a step's record is of: a step of the plan; what its action does before all steps, or after them; or what the job
needed around them (containers). Of all but `main` the index is beyond the plan's."""


class AttemptStarted(msgspec.Struct, frozen=True, tag="AttemptStarted"):
    """Appended expecting 0, before any boot: from here on this host owns the attempt."""

    run_id: RunId
    job: JobKey
    n: int
    host: HostId
    boot_id: BootId
    driver: str


class AttemptRefused(msgspec.Struct, frozen=True, tag="AttemptRefused"):
    """Nobody's error: the host has no slot, is draining, or may not run this (`host` refuses code from a fork)."""

    why: str
    permanent: bool = False
    """This host will never take it: place it elsewhere or end the job with this reason."""


class VmReady(msgspec.Struct, frozen=True, tag="VmReady"):
    """The sandbox answers. `phases_ms` names what the time went to.

    Of a machine: `vm` is its name in the host's events, `pid` its VMM's process on the host, `boot_id` what its guest's
    kernel says it is, `proof` the SHA-256 (hex) of random bytes that its guest drew after it was given an identity.
    """

    how: Literal["restored", "booted", "pooled", "spawned"]
    phases_ms: dict[str, float] = {}
    vm: str = ""
    pid: int = 0
    boot_id: str = ""
    proof: str = ""
    image: str = ""
    size: Size | None = None


class StepStarted(msgspec.Struct, frozen=True, tag="StepStarted"):
    """Stored before the step's first process starts. `step` is the index in the plan."""

    step: int
    name: str
    part: StepPart = "main"
    of: int | None = None
    """Of `pre` and `post`: the step of the plan whose action it is of."""


class Annotation(msgspec.Struct, frozen=True):
    """From a workflow command; masked. Texts over a bound are cut with a mark."""

    level: AnnotationLevel
    message: str
    title: str = ""
    file: str = ""
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None


class StepFinished(msgspec.Struct, frozen=True, tag="StepFinished"):
    """One for every step of the plan, skipped ones too: the verdict is made of these and of nothing else.

    `outcome` is before `continue-on-error`, `conclusion` after. `first_line` and `lines` locate its log.

    `command` is what kind of command it was, as written and without its arguments (`npm ci`, `actions/checkout`). Of a
    failure: `fingerprint` is the same for what failed in the same way, `said` the line that it is made of, normalised.
    """

    step: int
    name: str
    outcome: Result
    conclusion: Result
    duration_ms: float = 0
    exit_code: int | None = None
    outputs: dict[str, str] = {}
    outputs_blob: BlobRef | None = None
    annotations: tuple[Annotation, ...] = ()
    summary: BlobRef | None = None
    first_line: int = 0
    lines: int = 0
    why: str = ""
    fingerprint: str = ""
    part: StepPart = "main"
    of: int | None = None
    command: str = ""
    said: str = ""
    category: FailureCategory = ""
    lacking: tuple[int, ...] = ()
    """Of `setup`: the steps of the plan whose actions cannot be had, so that nothing of the job runs."""


class AttemptFinished(msgspec.Struct, frozen=True, tag="AttemptFinished"):
    """`conclusion` is the agent's view; the scheduler makes the verdict from the step events.

    `outputs` are the job's. `log` is the whole masked log as one compressed blob. `environment_url` is where the job's
    environment can be looked at, masked.
    """

    conclusion: Result
    outputs: dict[str, str] = {}
    outputs_blob: BlobRef | None = None
    log: BlobRef | None = None
    lines: int = 0
    duration_ms: float = 0
    why: str = ""
    environment_url: str = ""


class AttemptLost(msgspec.Struct, frozen=True, tag="AttemptLost"):
    """By the scheduler: the owner is silent, never began, or came back as another boot."""

    why: str


AttemptEvent = AttemptStarted | AttemptRefused | VmReady | StepStarted | StepFinished | AttemptFinished | AttemptLost
