"""Commands: work queues, imperative. What became of one is an event that names its id."""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.contracts.ids import CommandId, HostId, JobKey, RepositoryId, RunId
from libs.contracts.plan import JsonObject, Repository


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


class TriggerSchedule(msgspec.Struct, frozen=True, tag="TriggerSchedule"):
    """Start one workflow file of the default branch for `slot`, a minute at which its line `cron` is due.

    The same slot has the same `id`, whichever scheduler sends it and however often: it starts one run.
    """

    id: CommandId
    repository: Repository
    path: str
    cron: str
    slot: datetime
    timezone: str = ""
    by: str = ""
    owner_id: int = 0


class TriggerFollowers(msgspec.Struct, frozen=True, tag="TriggerFollowers"):
    """Start what follows a run by `workflow_run`, for one of its activity types: `requested`, `in_progress` or
    `completed`. The run is the one on `ev.run.<owner>.<repo>.<run_id>`, at this run attempt.
    """

    id: CommandId
    repository: Repository
    run_id: RunId
    run_attempt: int
    action: str
    owner_id: int = 0


class TriggerDispatch(msgspec.Struct, frozen=True, tag="TriggerDispatch"):
    """Start what listens to `repository_dispatch` with this type, on the default branch."""

    id: CommandId
    repository_id: RepositoryId
    repository: str
    event_type: str
    client_payload: JsonObject = {}
    by: str = ""
    clone_url: str = ""


class TriggerTrial(msgspec.Struct, frozen=True, tag="TriggerTrial"):
    """Try out what a model proposed (`proposal` is its id) for a job of the run: a run of its own, which is neutral.

    Sent by the model's service where the operator asked for trials (`FIREBREAK_LLM=trial`).
    """

    id: CommandId
    repository: Repository
    run_id: RunId
    proposal: str


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


class ApproveJob(msgspec.Struct, frozen=True, tag="ApproveJob"):
    """A reviewer's word about jobs that wait for an environment; without `environment` and `job`, about all of them."""

    id: CommandId
    run_id: RunId
    by: str
    environment: str = ""
    job: JobKey = JobKey("")
    reject: bool = False
    comment: str = ""


class DrainHost(msgspec.Struct, frozen=True, tag="DrainHost"):
    """To that host's agent on `cmd.host.<host_id>`; `undrain` takes it back."""

    id: CommandId
    host: HostId
    by: str
    undrain: bool = False


class AcceptProposal(msgspec.Struct, frozen=True, tag="AcceptProposal"):
    """Somebody had a patch made of a proposal: to the model's service on `cmd.model.<proposal>`."""

    id: CommandId
    repository_id: RepositoryId
    proposal: str
    by: str
    path: str = ""


TriggerCommand = TriggerWorkflow | TriggerSchedule | TriggerFollowers | TriggerDispatch | TriggerTrial
"""To the parser on `cmd.trigger.<repository_id>`."""
RunCommand = CancelRun | RerunRun | ApproveJob
HostCommand = DrainHost
ModelCommand = AcceptProposal
