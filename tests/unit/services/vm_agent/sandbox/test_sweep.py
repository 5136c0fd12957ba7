"""What is left of agents that are gone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from services.vm_agent.sandbox import cgroups, processes
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint
from services.vm_agent.sandbox.sweep import sweep


def leave(folder: Path, name: str, **fields: object) -> Footprint:
    place = folder / name
    (place / "work").mkdir(parents=True)
    footprint = Footprint(id=name, folder=str(place), **fields)  # type: ignore[arg-type]
    (place / FILE_NAME).write_text(footprint.to_json())
    return footprint


def test_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path) == []
    assert sweep(tmp_path / "missing") == []


def test_what_has_no_living_owner_is_removed(tmp_path: Path) -> None:
    leave(tmp_path, "old", owner=os.getpid(), owner_started=1)
    (tmp_path / "half-made").mkdir()
    assert [(one.id, one.removed) for one in sweep(tmp_path)] == [("half-made", True), ("old", True)]
    assert list(tmp_path.iterdir()) == []


def test_another_living_agents_sandbox_is_left_alone(tmp_path: Path) -> None:
    leave(tmp_path, "theirs", owner=os.getppid(), owner_started=processes.started(os.getppid()))
    assert sweep(tmp_path) == []
    assert (tmp_path / "theirs").exists()


def test_ones_own_is_removed_unless_it_lives(tmp_path: Path) -> None:
    for name in ("lives", "forgotten"):
        leave(tmp_path, name, owner=os.getpid(), owner_started=processes.started(os.getpid()))
    assert [swept.id for swept in sweep(tmp_path, {"lives"})] == ["forgotten"]
    assert (tmp_path / "lives").exists()


def test_its_processes_are_ended(tmp_path: Path) -> None:
    leave(tmp_path, "old")
    process = subprocess.Popen(["sleep", "1000"], cwd=tmp_path / "old" / "work", start_new_session=True)
    [swept] = sweep(tmp_path)
    assert swept.removed
    assert "1 processes" in swept.what
    assert process.wait() == -9


def test_who_stands_in_a_folder_of_a_longer_name_is_not_ended(tmp_path: Path) -> None:
    for name in ("pool-1", "pool-10"):
        leave(tmp_path, name)
    process = subprocess.Popen(["sleep", "1000"], cwd=tmp_path / "pool-10" / "work", start_new_session=True)
    try:
        assert [swept.id for swept in sweep(tmp_path, {"pool-10"})] == ["pool-1"]
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_what_was_started_and_not_yet_put_into_its_cgroup_is_ended(tmp_path: Path) -> None:
    """As it is when the agent dies in between: the group is there, and nothing is in it."""
    hierarchies = cgroups.usable()
    if not hierarchies:
        pytest.skip("no cgroup can be made here: run as root")
    made = cgroups.make(hierarchies, cgroups.name_of(str(tmp_path / "old")), memory_bytes=None, processes=None)
    leave(tmp_path, "old", cgroups=made.folders)
    process = subprocess.Popen(["sleep", "1000"], cwd=tmp_path / "old" / "work", start_new_session=True)
    try:
        [swept] = sweep(tmp_path)
        assert swept.removed
        assert "1 processes" in swept.what
        assert process.wait(timeout=5) == -9
        assert not any(map(os.path.exists, made.folders))
    finally:
        process.kill()
        process.wait()


def test_a_forged_footprint_leads_to_nobody_else(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    sandboxes = tmp_path / "sandboxes"
    forged = Footprint(id="../x", folder=str(outside), cgroups=("/sys/fs/cgroup", str(outside)), init=1, init_started=1)
    leave(sandboxes, "forger")
    (sandboxes / "forger" / FILE_NAME).write_text(forged.to_json())
    assert [(one.id, one.removed) for one in sweep(sandboxes)] == [("forger", True)]
    assert outside.exists()


def test_what_a_job_locked_is_removed_too(tmp_path: Path) -> None:
    leave(tmp_path, "old")
    locked = tmp_path / "old" / "work" / "locked"
    locked.mkdir()
    (locked / "file").write_text("x")
    locked.chmod(0)
    assert [one.removed for one in sweep(tmp_path)] == [True]


def test_a_tree_deeper_than_any_stack_is_removed(tmp_path: Path) -> None:
    leave(tmp_path, "old")
    here = os.open(tmp_path / "old" / "work", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert [(one.id, one.removed) for one in sweep(tmp_path)] == [("old", True)]
    assert list(tmp_path.iterdir()) == []
