"""Stored bytes to commits of known events, in one pass; what is in a blob is put in its place before it is folded."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Stored
from libs.contracts.attempt import AttemptEvent, AttemptFinished
from libs.contracts.envelope import UnknownEvent, decode_commit, type_of
from libs.contracts.group import GroupChanged, GroupEvent
from libs.contracts.host import HostEvent
from libs.contracts.ids import Cause
from libs.contracts.plan import Plan
from libs.contracts.registry import EVENTS, types_of
from libs.contracts.run import RunEvent, RunPlanned


class RunCommit(msgspec.Struct, frozen=True):
    cause: Cause
    time: datetime
    events: tuple[RunEvent, ...]


class AttemptCommit(msgspec.Struct, frozen=True):
    cause: Cause
    time: datetime
    events: tuple[AttemptEvent, ...]


class HostCommit(msgspec.Struct, frozen=True):
    cause: Cause
    time: datetime
    events: tuple[HostEvent, ...]


class GroupCommit(msgspec.Struct, frozen=True):
    cause: Cause
    time: datetime
    events: tuple[GroupEvent, ...]


class Malformed(Exception):
    """The message is no commit, or an event in it is not what its type says."""


_Kind = TypeVar("_Kind", RunCommit, AttemptCommit, HostCommit, GroupCommit)
_runs = msgspec.json.Decoder(RunCommit)
_attempts = msgspec.json.Decoder(AttemptCommit)
_hosts = msgspec.json.Decoder(HostCommit)
_groups = msgspec.json.Decoder(GroupCommit)
_plans = msgspec.json.Decoder(Plan)
_outputs = msgspec.json.Decoder(dict[str, str])
_KNOWN = {
    name: frozenset(kind.__name__ for kind in types_of(EVENTS[name])) for name in ("run", "attempt", "host", "group")
}


def run_commit(stored: Stored) -> RunCommit:
    """Raises UnknownEvent or Malformed."""
    return _decoded(stored, _runs, "run")


def attempt_commit(stored: Stored) -> AttemptCommit:
    """Raises UnknownEvent or Malformed."""
    return _decoded(stored, _attempts, "attempt")


def host_commit(stored: Stored) -> HostCommit:
    """Raises UnknownEvent or Malformed."""
    return _decoded(stored, _hosts, "host")


def group_change(stored: Stored) -> GroupChanged:
    """The whole state after this message. Raises UnknownEvent or Malformed."""
    events = _decoded(stored, _groups, "group").events
    if not events:
        raise Malformed(f"{stored.subject} at {stored.seq} holds no event")
    return events[-1]


def _decoded(stored: Stored, decoder: msgspec.json.Decoder[_Kind], aggregate: str) -> _Kind:
    try:
        return decoder.decode(stored.data)
    except msgspec.DecodeError as error:
        raise _explained(stored, aggregate, error) from None


def _explained(stored: Stored, aggregate: str, error: msgspec.DecodeError) -> UnknownEvent | Malformed:
    """A type of a newer writer is another matter than bytes that are wrong."""
    try:
        types = [type_of(event) for event in decode_commit(stored.data).events]
    except msgspec.DecodeError:
        types = []
    unknown = [name for name in types if name not in _KNOWN[aggregate]]
    if unknown:
        return UnknownEvent(f"{stored.subject} at {stored.seq} holds {', '.join(unknown)}: a newer version wrote it")
    return Malformed(f"{stored.subject} at {stored.seq}: {error}")


async def with_plan(event: RunEvent, blobs: Blobs) -> RunEvent:
    """The plan in its place. Raises BlobMissing, Malformed."""
    if not isinstance(event, RunPlanned) or event.plan_blob is None or event.plan is not None:
        return event
    try:
        return replace(event, plan=_plans.decode(await blobs.get(event.plan_blob)))
    except msgspec.DecodeError as error:
        raise Malformed(f"the plan in blob {event.plan_blob.digest}: {error}") from None


async def with_outputs(event: AttemptEvent, blobs: Blobs) -> AttemptEvent:
    """The outputs in their place. Without their blob the attempt is an error: an empty output would be a lie."""
    if not isinstance(event, AttemptFinished) or event.outputs_blob is None or event.outputs:
        return event
    try:
        return replace(event, outputs=_outputs.decode(await blobs.get(event.outputs_blob)))
    except (BlobMissing, msgspec.DecodeError) as error:
        why = f"its outputs in blob {event.outputs_blob.digest} cannot be read: {error}"
        return replace(event, conclusion="error", outputs_blob=None, why=why)
