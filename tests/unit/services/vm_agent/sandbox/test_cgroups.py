"""Reading the kernel's own description of its cgroups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.cgroups import Hierarchy

UNIFIED = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = (
    "30 23 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw\n"
    "31 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "32 23 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "33 23 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "34 23 0:31 / /proc rw - proc proc rw\n"
)


def test_a_pure_version_2_system() -> None:
    own = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/firebreak.service\n"
    base = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/firebreak.service"
    assert cgroups.parse(UNIFIED, own) == [Hierarchy(base, 2)]


def test_an_agent_in_its_own_leaf_makes_its_groups_beside_it() -> None:
    own = "0::/system.slice/firebreak.service/agent\n"
    assert cgroups.parse(UNIFIED, own) == [Hierarchy("/sys/fs/cgroup/system.slice/firebreak.service", 2)]


def test_a_mixed_system_offers_version_2_first() -> None:
    own = "8:pids:/here\n3:cpu,cpuacct:/\n1:name=systemd:/x\n0::/\n"
    assert cgroups.parse(HYBRID, own) == [
        Hierarchy("/sys/fs/cgroup/unified", 2),
        Hierarchy("/sys/fs/cgroup/cpu,cpuacct", 1, frozenset({"cpu", "cpuacct"})),
        Hierarchy("/sys/fs/cgroup/pids/here", 1, frozenset({"pids"})),
        Hierarchy("/sys/fs/cgroup/systemd/x", 1, frozenset({"name=systemd"})),
    ]


def test_a_container_sees_a_part_of_the_tree() -> None:
    mounts = "40 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    assert cgroups.parse(mounts, "0::/docker/abc\n") == [Hierarchy("/sys/fs/cgroup", 2)]


def test_a_machine_without_cgroups() -> None:
    assert cgroups.parse("34 23 0:31 / /proc rw - proc proc rw\n", "") == []
    assert cgroups.make([], "name", memory_bytes=None, processes=None).folders == ()
    assert not cgroups.make([], "name", memory_bytes=1, processes=None).limited


def test_two_agents_name_the_same_sandbox_differently() -> None:
    assert cgroups.name_of("/a/sandboxes/1") != cgroups.name_of("/b/sandboxes/1")
    assert cgroups.name_of("/a/sandboxes/1").startswith(cgroups.prefix_of("/a/sandboxes"))


def test_without_a_group_nothing_freezes() -> None:
    assert not cgroups.freeze(())
    assert not cgroups.thaw(())
    assert not cgroups.kill(())
    assert not cgroups.is_frozen(())
    assert cgroups.enter((), 1)


LIMITS = {
    (2, "memory", 1 << 20): {"memory.swap.max": "0", "memory.max": "1048576"},
    (2, "pids", 20): {"pids.max": "20"},
    (2, "cpu", 150_000): {"cpu.max": "150000 100000"},
    (1, "memory", 1 << 20): {"memory.limit_in_bytes": "1048576"},
    (1, "pids", 20): {"pids.max": "20"},
    (1, "cpu", 150_000): {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000"},
}


@pytest.mark.parametrize(("version", "controller", "bound"), LIMITS)
def test_what_the_kernel_is_told_of_a_limit(version: int, controller: str, bound: int, tmp_path: Path) -> None:
    told = LIMITS[version, controller, bound]
    for name in told:
        (tmp_path / name).touch()
    assert cgroups.limit(str(tmp_path), version, controller, bound)
    assert {name: (tmp_path / name).read_text() for name in told} == told


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("controller", ["memory", "pids", "cpu"])
def test_a_controller_that_is_not_there_does_not_hold_its_limit(version: int, controller: str, tmp_path: Path) -> None:
    assert not cgroups.limit(str(tmp_path), version, controller, 1)


def test_the_kernel_holds_all_three_limits_where_it_may() -> None:
    name = f"firebreak.test-{os.urandom(4).hex()}"
    made = cgroups.make(cgroups.usable(), name, memory_bytes=64 * 1024**2, processes=20, cpus=1.5)
    try:
        if not made.limited:
            pytest.skip("this user may not make cgroups with cpu, memory and pids; as root or with delegation it may")
        contents = [(Path(folder) / "pids.max").read_text().strip() for folder in made.folders if _has(folder)]
        assert contents == ["20"]
    finally:
        for folder in made.folders:
            cgroups.remove(folder)


def _has(folder: str) -> bool:
    return (Path(folder) / "pids.max").exists()
