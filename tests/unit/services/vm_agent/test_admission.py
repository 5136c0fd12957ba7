"""Which orders a host takes."""

from __future__ import annotations

import msgspec
import pytest

from libs.contracts.ids import Cause, HostId, JobKey, RepositoryId, RunId
from libs.contracts.orders import JobOrder
from libs.contracts.plan import PlannedJob, Repository
from libs.contracts.size import Size
from services.vm_agent.admission import PROCESSES, Room, refusal, spec_of
from services.vm_agent.capacity import Capacity
from services.vm_agent.sandbox.protocol import SandboxId, SandboxSpec

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
        ({"trial": True}, {}, "makes no machines", True),
        ({"trust": "fork", "trial": True}, {"takes_forks": True}, "makes no machines", True),
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


CAPACITY = Capacity(usual=Size(1, 2048), largest=Size(4, 8192), memory_mib=10_240, disk_bytes=7)
MACHINES = Room(**{**_fields(ROOM), "takes_forks": True, "capacity": CAPACITY, "used_mib": 4096})  # type: ignore[arg-type]


def asking(*labels: str) -> JobOrder:
    return msgspec.structs.replace(ORDER, labels=labels)


def test_a_machine_has_a_network_of_its_own_so_a_fork_gets_one_too() -> None:
    spec = spec_of(msgspec.structs.replace(ORDER, trust="fork"), SandboxId("a"), CAPACITY)
    assert (spec.network, spec.trust) == (True, "fork")


def test_a_job_that_asks_for_nothing_gets_the_usual_machine() -> None:
    spec = spec_of(ORDER, SandboxId("a"), CAPACITY)
    assert (spec.memory_bytes, spec.cpus, spec.disk_bytes) == (2 * 1024**3, 1, 7)


def test_a_label_chooses_the_size() -> None:
    spec = spec_of(asking("ubuntu-latest", "firebreak-2cpu-4gb"), SandboxId("a"), CAPACITY)
    assert (spec.memory_bytes, spec.cpus) == (4 * 1024**3, 2)


def test_without_machines_a_size_is_a_limit_and_nothing_is_none() -> None:
    spec = spec_of(asking("firebreak-2cpu-4gb"), SandboxId("a"))
    assert (spec.memory_bytes, spec.cpus, spec.processes) == (4 * 1024**3, 2, PROCESSES)
    assert spec_of(ORDER, SandboxId("a")) == SandboxSpec(SandboxId("a"), trust="own")


@pytest.mark.parametrize(
    ("labels", "why", "permanent"),
    [
        (("firebreak-1cpu-1gb", "firebreak-2cpu-1gb"), "asks for 1cpu-1gb and 2cpu-1gb", True),
        (("firebreak-8cpu-4gb",), "the job asks for 8cpu-4gb, host h1 offers up to 4cpu-8gb", True),
        (("firebreak-1cpu-8gb",), "no room for a machine of 1cpu-8gb: 4096 of its 10240 MiB are taken", False),
    ],
)
def test_sizes_that_are_refused(labels: tuple[str, ...], why: str, permanent: bool) -> None:
    refused = refusal(asking(*labels), MACHINES)
    assert refused is not None
    assert why in refused.why
    assert refused.permanent is permanent


@pytest.mark.parametrize("labels", [(), ("firebreak-2cpu-6gb",), ("firebreak-1cpu-1gb", "FIREBREAK-1CPU-1GB")])
def test_sizes_that_are_taken(labels: tuple[str, ...]) -> None:
    assert refusal(asking(*labels), MACHINES) is None
