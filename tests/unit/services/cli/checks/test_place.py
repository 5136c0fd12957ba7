"""What a doctor that was killed has left goes with the next one; what a living one has made stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from services.cli.checks.place import place_for, remove_leftovers
from services.vm_agent.sandbox import processes
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver


def drivers(place: Path) -> list[Driver]:
    return [HostDriver(place / "sandboxes")]


@pytest.fixture
def dead() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


async def test_a_machine_of_a_dead_doctor_is_ended_and_its_folder_goes(tmp_path: Path, dead: int) -> None:
    sandbox = tmp_path / f"doctor-{dead}-x" / "sandboxes" / "probe-1"
    sandbox.mkdir(parents=True)
    machine = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        started = processes.started(machine.pid)
        footprint = Footprint(
            "probe-1", str(sandbox), init=machine.pid, init_started=started, owner=dead, owner_started=1
        )
        (sandbox / FILE_NAME).write_text(footprint.to_json())
        assert await remove_leftovers(tmp_path, drivers) == [f"doctor-{dead}-x"]
        assert machine.wait(timeout=10) < 0
    finally:
        machine.kill()
    assert os.listdir(tmp_path) == []


async def test_a_living_doctors_folder_and_what_is_no_doctors_stay(tmp_path: Path) -> None:
    (tmp_path / "doctor-notes").mkdir()
    with place_for(tmp_path) as folder:
        assert await remove_leftovers(tmp_path, drivers) == []
        assert folder.is_dir()
    assert os.listdir(tmp_path) == ["doctor-notes"]


async def test_a_home_that_is_not_there_is_no_trouble(tmp_path: Path) -> None:
    assert await remove_leftovers(tmp_path / "none", drivers) == []
