"""What rings at a host's door, `job.<host_id>`: made from stored events, so it may be lost, repeated or stale.

The authority is `JobAssigned` in the log; an order spares the agent the reading of a run that it need not understand.
"""

from __future__ import annotations

import msgspec

from libs.contracts.blobs import BlobRef
from libs.contracts.ids import Cause, HostId, JobKey, RunId
from libs.contracts.plan import Defaults, JsonObject, PlannedJob, Repository, Template, Trust
from libs.contracts.run import CancelReason


class WorkflowAt(msgspec.Struct, frozen=True):
    """A workflow file at a commit; `ref` is what was written to call it."""

    repository: str
    path: str
    ref: str
    sha: str


class JobOrder(msgspec.Struct, frozen=True, tag="JobOrder"):
    """Everything that one attempt needs. `attempt` is the subject to append to, `sealed` the secrets for this host
    (a sealed box of a JSON object name -> value).

    `github`, `needs`, `strategy`, `matrix`, `inputs`, `vars` are the contexts of those names, with GitHub's words.
    `needs` is already `{job: {"result", "outputs"}}`.
    """

    attempt: str
    run_id: RunId
    job: JobKey
    n: int
    host: HostId
    name: str
    cause: Cause
    actor: str
    trust: Trust
    sha: str
    repository: Repository
    planned: PlannedJob
    timeout_ms: int
    run_attempt: int = 1
    env: dict[str, Template] | str = {}
    defaults: Defaults = Defaults()
    github: JsonObject = {}
    needs: JsonObject = {}
    strategy: JsonObject = {}
    matrix: JsonObject | None = None
    inputs: JsonObject = {}
    vars: dict[str, str] = {}
    sealed: bytes = b""
    labels: tuple[str, ...] = ()
    """Of the job's `runs-on`, evaluated: one of them may ask for a size."""
    workflow: WorkflowAt | None = None
    """The file that the job stands in, where it was called: `job.workflow_*` and `./` of its `uses` are about it."""
    cancel_timeout_ms: int | None = None
    """How long steps may go on after a cancellation; None is the agent's own."""
    permissions: dict[str, str] | None = None
    trial: bool = False
    """It tries out what a model proposed: in a machine of its own, or not at all."""
    problem: str = ""
    """Why it must not run, although it was assigned: a secret that it should have cannot be read."""


class LargeOrder(msgspec.Struct, frozen=True, tag="LargeOrder"):
    """An order over `DELIVERY_INLINE_BYTES`: the blob holds a `JobOrder`."""

    attempt: str
    blob: BlobRef


class CancelOrder(msgspec.Struct, frozen=True, tag="CancelOrder"):
    attempt: str
    reason: CancelReason


Order = JobOrder | LargeOrder | CancelOrder
