"""A build's folders go with it, and those of killed builds with the next one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.vm_agent.image.folders import building, remove_left
from services.vm_agent.image.store import BUILDING
from services.vm_agent.sandbox import processes


def test_a_build_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with building(tmp_path / "images") as folder:
            (folder / "root.squashfs").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "images").iterdir()) == []


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    (tmp_path / f"{BUILDING}abc-{done.pid}-1" / "deep").mkdir(parents=True)
    with building(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_the_folder_of_a_build_that_runs_stays(tmp_path: Path) -> None:
    with building(tmp_path) as folder:
        remove_left(tmp_path, BUILDING)
        assert folder.exists()


def test_a_number_that_another_process_has_now_is_no_reason_to_keep_it(tmp_path: Path) -> None:
    started = processes.started(os.getpid())
    reused = tmp_path / f"{BUILDING}abc-{os.getpid()}-{started - 1}"
    reused.mkdir()
    remove_left(tmp_path, BUILDING)
    assert not reused.exists()


def test_other_folders_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "minimal").mkdir()
    remove_left(tmp_path, BUILDING)
    assert (tmp_path / "minimal").exists()
