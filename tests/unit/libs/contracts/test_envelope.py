"""A commit keeps its events raw, and people see one envelope an event."""

from datetime import UTC, datetime

import msgspec
import pytest

from libs.contracts import envelope
from libs.contracts.ids import Cause, CommitId, HostId, JobKey
from libs.contracts.run import JobAssigned, RunStarted

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def sealed(events: list[msgspec.Struct]) -> envelope.Commit:
    return envelope.commit(
        id=CommitId("c"), source="scheduler", subject="ev.run.a.b.1", cause=Cause("guid"), now=NOW, events=events
    )


def test_a_commit_survives_the_wire() -> None:
    commit = sealed([RunStarted(), JobAssigned(job=JobKey("build"), n=1, host=HostId("h"))])
    assert envelope.decode_commit(envelope.encode(commit)) == commit


def test_each_event_is_an_envelope_of_its_own() -> None:
    commit = sealed([RunStarted(), JobAssigned(job=JobKey("build"), n=1, host=HostId("h"))])
    lines = envelope.envelopes(commit, seq=5)
    assert [(line.id, line.type, line.seq, line.cause) for line in lines] == [
        ("c.0", "RunStarted", 5, "guid"),
        ("c.1", "JobAssigned", 5, "guid"),
    ]


def test_an_empty_commit_is_refused() -> None:
    with pytest.raises(ValueError, match="needs an event"):
        sealed([])


def test_a_type_that_nobody_knows_is_read_by_name() -> None:
    assert envelope.type_of(msgspec.Raw(b'{"type":"FromTheFuture","x":1}')) == "FromTheFuture"
