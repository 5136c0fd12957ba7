"""Commands: work queues, imperative. What became of one is an event that names its id."""

from __future__ import annotations

import msgspec

from libs.contracts.ids import CommandId, HostId, JobKey, RepositoryId, RunId
from libs.contracts.plan import JsonObject


class TriggerWorkflow(msgspec.Struct, frozen=True, tag="TriggerWorkflow"):
    """Start one workflow by `workflow_dispatch`: to the parser on `cmd.trigger.<repository_id>`.

    `workflow` is a file's path or its base name; `ref` a full ref (`refs/heads/main`) or a branch or tag.
    """

    id: CommandId
    repository_id: RepositoryId
    repository: str
    workflow: str
    ref: str
    inputs: JsonObject = {}
    by: str = ""
    clone_url: str = ""


class CancelRun(msgspec.Struct, frozen=True, tag="CancelRun"):
    """To the scheduler on `cmd.run.<run_id>`."""

    id: CommandId
    run_id: RunId
    by: str


class RerunRun(msgspec.Struct, frozen=True, tag="RerunRun"):
    """`failed` reruns what did not succeed, `jobs` names them; neither reruns all."""

    id: CommandId
    run_id: RunId
    by: str
    failed: bool = False
    jobs: tuple[JobKey, ...] = ()


class DrainHost(msgspec.Struct, frozen=True, tag="DrainHost"):
    """To that host's agent on `cmd.host.<host_id>`; `undrain` takes it back."""

    id: CommandId
    host: HostId
    by: str
    undrain: bool = False


TriggerCommand = TriggerWorkflow
RunCommand = CancelRun | RerunRun
HostCommand = DrainHost
