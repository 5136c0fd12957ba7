"""Which orders a host takes."""

from __future__ import annotations

import msgspec
import pytest

from libs.contracts.ids import Cause, HostId, JobKey, RepositoryId, RunId
from libs.contracts.orders import JobOrder
from libs.contracts.plan import PlannedJob, Repository
from services.vm_agent.admission import Room, refusal, spec_of
from services.vm_agent.sandbox.protocol import SandboxId

ROOM = Room(HostId("h1"), slots=2, used=1, draining=False, driver="host", takes_forks=False, isolation="none")
ORDER = JobOrder(
    attempt="ev.attempt.h1.octo.demo.42.build.1",
    run_id=RunId(42),
    job=JobKey("build"),
    n=1,
    host=HostId("h1"),
    name="build",
    cause=Cause("c"),
    actor="octocat",
    trust="own",
    sha="1" * 40,
    repository=Repository(RepositoryId(1), "octo", "demo"),
    planned=PlannedJob(id="build", line=1, runs_on="x", steps=()),
    timeout_ms=1000,
)


def test_a_host_with_room_takes_what_is_for_it() -> None:
    assert refusal(ORDER, ROOM) is None


@pytest.mark.parametrize(
    ("order", "room", "words", "permanent"),
    [
        ({"host": HostId("h2")}, {}, "is for host h2", True),
        ({"trust": "fork"}, {}, "does not run code from forks", True),
        ({}, {"draining": True}, "is draining", False),
        ({}, {"used": 2}, "no free slot", False),
        ({"trust": "fork"}, {"draining": True}, "forks", True),
    ],
)
def test_refusals(order: dict[str, object], room: dict[str, object], words: str, permanent: bool) -> None:
    refused = refusal(msgspec.structs.replace(ORDER, **order), Room(**{**_fields(ROOM), **room}))  # type: ignore[arg-type]
    assert refused is not None
    assert words in refused.why
    assert refused.permanent is permanent


def test_a_driver_that_isolates_takes_forks() -> None:
    room = Room(**{**_fields(ROOM), "takes_forks": True})  # type: ignore[arg-type]
    assert refusal(msgspec.structs.replace(ORDER, trust="fork"), room) is None


def _fields(room: Room) -> dict[str, object]:
    return {name: getattr(room, name) for name in Room.__slots__}


def test_code_from_a_fork_gets_no_network() -> None:
    assert spec_of(ORDER, SandboxId("a")).network
    assert not spec_of(msgspec.structs.replace(ORDER, trust="fork"), SandboxId("a")).network
