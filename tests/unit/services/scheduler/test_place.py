"""Placement: labels, room, fairness, trust; the same input gives the same answer; and why a job waits."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from libs.contracts.ids import HostId, JobKey, RepositoryId, RunId
from libs.contracts.run import RunPlanned
from libs.contracts.size import Size
from services.scheduler.decide import decide
from services.scheduler.evolve import evolve
from services.scheduler.hosts import Host
from services.scheduler.place import Usage, Waiting, explain, misfit, place
from services.scheduler.wants import queued
from tests.unit.services.scheduler.story import NOON, Story, fleet, host, job, matrix, plan


def wait(name: str = "a", *labels: str, seconds: int = 0, repository: int = 1, **fields: object) -> Waiting:
    return Waiting(
        run_id=RunId(1),
        job=JobKey(name),
        repository=RepositoryId(repository),
        labels=labels or ("linux",),
        queued_at=NOON + timedelta(seconds=seconds),
        **fields,
    )


def names(assignments: list[object]) -> list[tuple[str, str]]:
    return [(each.job, each.host) for each in assignments]


@pytest.mark.parametrize(
    ("labels", "fits"),
    [(("linux",), True), (("LINUX", "Ubuntu-Latest"), True), (("linux", "gpu"), False), (("windows",), False)],
)
def test_a_job_goes_where_all_of_its_labels_are_whatever_their_case(labels: tuple[str, ...], fits: bool):
    assert bool(place([wait("a", *labels)], fleet(host("h1", "Linux", "ubuntu-latest")), Usage())) is fits


@pytest.mark.parametrize("state", [{"draining": True}, {"silent": True}, {"left": True}, {"full": True}, {"slots": 0}])
def test_a_host_that_takes_nothing_gets_nothing(state: dict[str, object]):
    assert place([wait()], fleet(host("h1", **state)), Usage()) == []


@pytest.mark.parametrize(
    ("driver", "largest", "takes"),
    [
        ("qemu", Size(2, 4096), True),
        ("firecracker", Size(2, 4096), True),
        ("fcctl", Size(2, 4096), True),
        ("bubblewrap", None, False),
        ("host", None, False),
    ],
)
def test_a_trial_of_a_models_proposal_goes_to_a_machine_or_nowhere(driver: str, largest: Size | None, takes: bool):
    trial = wait("a", trust="fork", trial=True)
    hosts = fleet(host("h1", driver=driver, largest=largest, takes_forks=True))
    assert bool(place([trial], hosts, Usage())) is takes
    assert takes or "makes no machines" in (misfit(trial, hosts[HostId("h1")]) or "")


def test_no_more_jobs_than_slots():
    jobs = [wait(f"j{n}", seconds=n) for n in range(5)]
    assert names(place(jobs, fleet(host("h1", slots=3)), Usage({HostId("h1"): 1}))) == [("j0", "h1"), ("j1", "h1")]


def test_the_roomiest_host_is_taken():
    hosts = fleet(host("h1", slots=2), host("h2", slots=4))
    assert names(place([wait()], hosts, Usage({HostId("h2"): 1}))) == [("a", "h2")]


def test_who_waits_longest_goes_first():
    jobs = [wait("late", seconds=9), wait("early")]
    assert names(place(jobs, fleet(host(slots=1)), Usage())) == [("early", "h1")]


def test_priority_goes_before_waiting():
    jobs = [wait("early"), wait("urgent", seconds=9, priority=1)]
    assert names(place(jobs, fleet(host(slots=1)), Usage())) == [("urgent", "h1")]


def test_of_two_that_wait_the_longer_job_goes_first():
    jobs = [wait("short", expected_ms=10), wait("long", seconds=1, expected_ms=1000)]
    assert names(place(jobs, fleet(host(slots=1)), Usage())) == [("long", "h1")]


def test_repositories_take_turns():
    jobs = [wait(f"a{n}", seconds=n) for n in range(4)] + [
        wait(f"b{n}", seconds=10 + n, repository=2) for n in range(2)
    ]
    assert [job for job, _ in names(place(jobs, fleet(host(slots=4)), Usage()))] == ["a0", "b0", "a1", "b1"]


def test_what_a_repository_already_has_counts():
    jobs = [wait("a"), wait("b", seconds=9, repository=2)]
    usage = Usage({}, {RepositoryId(1): 3})
    assert names(place(jobs, fleet(host(slots=1)), usage)) == [("b", "h1")]


def test_max_parallel_counts_what_runs():
    jobs = [wait(f"m{n}", seconds=n, group="1/m", limit=2) for n in range(3)]
    assert names(place(jobs, fleet(host()), Usage(groups={"1/m": 1}))) == [("m0", "h1")]


def test_a_fork_goes_only_to_hosts_that_take_forks():
    jobs = [wait(trust="fork")]
    assert place(jobs, fleet(host("h1")), Usage()) == []
    assert names(place(jobs, fleet(host("h1"), host("h2", takes_forks=True)), Usage())) == [("a", "h2")]


def test_a_host_that_failed_it_is_taken_only_where_there_is_no_other():
    jobs = [wait(not_hosts=("h1",))]
    assert names(place(jobs, fleet(host("h1"), host("h2", slots=1)), Usage())) == [("a", "h2")]
    assert names(place(jobs, fleet(host("h1")), Usage())) == [("a", "h1")]


def test_another_host_that_is_busy_is_waited_for():
    jobs = [wait(not_hosts=("h1",))]
    assert place(jobs, fleet(host("h1"), host("h2", slots=1)), Usage({HostId("h2"): 1})) == []


def test_a_host_that_refused_for_good_is_never_taken():
    assert place([wait(refused_by=("h1",))], fleet(host("h1")), Usage()) == []


def test_the_same_input_gives_the_same_answer_in_any_order():
    jobs = [wait(f"j{n}", seconds=n % 3, repository=n % 4, position=n) for n in range(40)]
    hosts = fleet(*(host(f"h{n}", slots=7) for n in range(5)))
    assert place(jobs, hosts, Usage()) == place(list(reversed(jobs)), hosts, Usage())


@pytest.mark.parametrize(
    ("hosts", "job_fields", "usage", "line"),
    [
        ([host("h1", "x")], {}, Usage(), "host h1: it has no label linux"),
        ([host("h1", draining=True)], {}, Usage(), "host h1: it is draining"),
        ([host("h1", silent=True)], {}, Usage(), "host h1: it is silent"),
        ([host("h1", left=True)], {}, Usage(), "host h1: it left"),
        ([host("h1", slots=2)], {}, Usage({HostId("h1"): 2}), "host h1: all of its 2 slots are taken"),
        ([host("h1")], {"trust": "fork"}, Usage(), "host h1: its driver bubblewrap takes no code from a fork"),
        ([host("h1"), host("h2")], {"not_hosts": ("h1",)}, Usage(), "host h1: an earlier attempt failed there"),
        ([], {}, Usage(), "no host has joined"),
        ([host()], {"group": "g", "limit": 1}, Usage(groups={"g": 1}), "max-parallel: 1 of its matrix"),
    ],
)
def test_why_a_job_waits(hosts: list[object], job_fields: dict[str, object], usage: Usage, line: str):
    mine = wait(**job_fields)
    lines = explain(mine, [wait("other", seconds=-5), mine], fleet(*hosts), usage)
    assert any(text.startswith(line) for text in lines), lines
    assert lines[-1] == "place 2 of 2 in the queue"


def test_256_jobs_are_planned_and_placed_under_50_ms():
    hosts = fleet(*(host(f"h{n}", slots=4) for n in range(64)))
    planned = plan(job("m", strategy=matrix({"a": list(range(16)), "b": list(range(16))})))
    best = min(_planned_and_placed(planned, hosts) for _ in range(5))
    assert best < 0.050


def _planned_and_placed(planned: object, hosts: object) -> float:
    story = Story(planned)
    story.fleet = hosts
    run = evolve(None, RunPlanned(planned), NOON)
    begun = time.process_time()  # not the wall's: other tests run beside this one
    for event in decide(run, story.situation):
        run = evolve(run, event, NOON)
    made = place(queued(run), hosts, Usage())
    elapsed = time.process_time() - begun
    assert len(made) == 256
    return elapsed


def machines(host_id: str = "h1", memory_mib: int = 8192, **fields: object) -> Host:
    return host(host_id, largest=Size(4, 8192), usual=Size(1, 2048), memory_mib=memory_mib, **fields)


def test_a_size_is_asked_for_by_label_and_offered_up_to_the_largest() -> None:
    fitting, too_large = wait("a", "linux", "firebreak-2cpu-4gb"), wait("a", "firebreak-8cpu-32gb")
    assert misfit(fitting, machines()) is None
    assert misfit(too_large, machines()) == "the job asks for 8cpu-32gb, it offers up to 4cpu-8gb"
    assert misfit(fitting, host()) == "it has no label firebreak-2cpu-4gb"


def test_two_sizes_are_a_contradiction() -> None:
    job = wait("a", "firebreak-1cpu-1gb", "firebreak-2cpu-4gb")
    assert misfit(job, machines()) == "the job asks for two sizes, 1cpu-1gb and 2cpu-4gb, and has one machine"


def test_the_memory_of_a_hosts_machines_is_never_promised_twice() -> None:
    jobs = [wait(f"j{n}", "linux", "firebreak-1cpu-3gb", seconds=n) for n in range(4)]
    assert names(place(jobs, fleet(machines(slots=9)), Usage())) == [("j0", "h1"), ("j1", "h1")]
    taken = Usage(memory_mib={HostId("h1"): 6144})
    assert names(place([*jobs, wait("usual", seconds=9)], fleet(machines(slots=9)), taken)) == [("usual", "h1")]
    assert explain(jobs[0], jobs, fleet(machines(slots=9)), taken)[0] == (
        "host h1: 6144 of its 8192 MiB for machines are taken, and the job needs 3072"
    )


def test_a_job_with_no_room_for_its_machine_holds_up_no_smaller_one() -> None:
    jobs = [wait("large", "linux", "firebreak-4cpu-8gb"), wait("small", seconds=1)]
    taken = Usage(memory_mib={HostId("h1"): 4096})
    assert names(place(jobs, fleet(machines(slots=9)), taken)) == [("small", "h1")]


def test_a_job_goes_to_a_host_of_its_group_whatever_the_case():
    hosts = fleet(host("h1"), host("h2", group="Large"))
    wanted = wait("a", "linux", host_group="large")
    assert [each.host for each in place([wanted], hosts, Usage())] == ["h2"]
    assert misfit(wanted, hosts["h1"]) == "it is in the group Default, and the job asks for large"
