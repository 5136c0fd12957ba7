"""What advice is made of: the few facts of the log that it needs, narrower than the facts that are stored.

They come from two places, which must say the same: from the facts of the newest batch, and at a start from the
learner's own file. `seq` is the commit's place in EVENTS, `at` seconds since 1970 on the server's clock.
"""

from __future__ import annotations

import msgspec

from libs.contracts.plan import Trust
from libs.contracts.results import Result
from libs.contracts.size import Size


class RunPlanned(msgspec.Struct, frozen=True, gc=False):
    """`trial`: it tries out what a model proposed, and says nothing of the repository's own workflows."""

    seq: int
    at: float
    run_id: int
    repository_id: int
    repository: str
    path: str
    event: str
    sha: str
    trust: Trust
    trial: bool
    lockfiles: tuple[str, ...] = ()


class JobQueued(msgspec.Struct, frozen=True, gc=False):
    """`declared_ms` is the limit that the workflow declares; `retry_of` the attempt that failed, 0 for none."""

    seq: int
    at: float
    run_id: int
    job: str
    name: str
    declared_ms: float
    retry_of: int


class LimitAdjusted(msgspec.Struct, frozen=True, gc=False):
    seq: int
    run_id: int
    job: str
    limit_ms: float


class MachineReady(msgspec.Struct, frozen=True, gc=False):
    """A job came to a host and had a machine, `pooled` or made for it. Without a machine there is no such thing."""

    seq: int
    at: float
    run_id: int
    host: str
    pooled: bool
    size: Size


class StepEnded(msgspec.Struct, frozen=True, gc=False):
    """A step of the plan. `counts` says that it made the job fail: its failure was not continued on."""

    seq: int
    run_id: int
    job: str
    n: int
    index: int
    name: str
    outcome: Result
    counts: bool
    duration_ms: float
    command: str


class AttemptEnded(msgspec.Struct, frozen=True, gc=False):
    seq: int
    run_id: int
    job: str
    n: int
    duration_ms: float


class JobEnded(msgspec.Struct, frozen=True, gc=False):
    """`n` is the attempt that decided, 0 where none ran."""

    seq: int
    at: float
    run_id: int
    job: str
    name: str
    n: int
    outcome: Result
    retries: int


class RunEnded(msgspec.Struct, frozen=True, gc=False):
    seq: int
    at: float
    run_id: int
    conclusion: Result


class HostJoined(msgspec.Struct, frozen=True, gc=False):
    seq: int
    host: str
    slots: int


Seen = (
    RunPlanned | JobQueued | LimitAdjusted | MachineReady | StepEnded | AttemptEnded | JobEnded | RunEnded | HostJoined
)
