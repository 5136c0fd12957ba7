"""What each stored event asks of this service: a pure reading of one message, so that most are put aside unread."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

import msgspec

from libs.bus.port import Stored
from libs.contracts.envelope import decode_commit
from libs.contracts.host import HostJoined, offers
from libs.contracts.ids import JobKey
from libs.contracts.intake import WorkflowRejected
from libs.contracts.run import JobQueued, RunFinished

_intakes = msgspec.json.Decoder(WorkflowRejected)
_runs: msgspec.json.Decoder[JobQueued | RunFinished] = msgspec.json.Decoder(JobQueued | RunFinished)
_BAD = frozenset({"failure", "error"})


def rejections(stored: Stored) -> list[WorkflowRejected]:
    found: list[WorkflowRejected] = []
    for raw in decode_commit(stored.data).events:
        with contextlib.suppress(msgspec.ValidationError):  # every other event of an intake
            found.append(_intakes.decode(raw))
    return [each for each in found if each.content is not None and each.repository_id]


def run_events(stored: Stored) -> list[JobQueued | RunFinished]:
    found: list[JobQueued | RunFinished] = []
    for raw in decode_commit(stored.data).events:
        with contextlib.suppress(msgspec.ValidationError):  # every other event of a run
            found.append(_runs.decode(raw))
    return found


def went_wrong(events: Collection[JobQueued | RunFinished]) -> bool:
    return any(isinstance(event, RunFinished) and event.conclusion in _BAD for event in events)


def unoffered(events: Collection[JobQueued | RunFinished], hosts: Collection[HostJoined]) -> list[JobKey]:
    """Jobs that were queued for a label that none of the hosts has."""
    return [event.job for event in events if isinstance(event, JobQueued) and hosts and not _servable(event, hosts)]


def _servable(event: JobQueued, hosts: Collection[HostJoined]) -> bool:
    sets = [(frozenset(label.lower() for label in host.labels), host.largest) for host in hosts]
    return all(any(offers(labels, label, largest) for labels, largest in sets) for label in event.labels)
