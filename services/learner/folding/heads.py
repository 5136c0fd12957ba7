"""Large messages read in part: the decoder skips what is not named here, the webhook's payload above all."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from libs.contracts import blobs, envelope, ids, plan

Event = TypeVar("Event", bound=msgspec.Struct)


class CommitOf(msgspec.Struct, Generic[Event], frozen=True):
    """A commit with its events, where all of them are of kinds that are known; everything that a commit must have is
    asked for.
    """

    id: ids.CommitId
    source: str
    subject: str
    time: datetime
    cause: ids.Cause
    events: tuple[Event, ...]
    actor: str = ""
    version: int = envelope.FORMAT_VERSION


class RepositoryHead(msgspec.Struct, frozen=True):
    id: int
    owner: str
    name: str
    private: bool = False


class PlanHead(msgspec.Struct, frozen=True):
    """The few fields of a plan that are kept: the rest, with the whole payload in it, is skipped unread."""

    run_number: int
    repository: RepositoryHead
    event: str
    sha: str
    ref: str
    workflow_path: str
    workflow_name: str
    run_name: str
    trust: plan.Trust
    actor: str
    pull_request: int | None = None
    lockfiles: tuple[str, ...] = ()
    trial: str = ""


class PlannedHead(msgspec.Struct, frozen=True, tag="RunPlanned"):
    plan: PlanHead | None = None
    plan_blob: blobs.BlobRef | None = None


class DeliveryHead(msgspec.Struct, frozen=True, tag="DeliveryReceived"):
    """A delivery without its body."""

    guid: str
    event: str
    size: int
    hook_id: str = ""
