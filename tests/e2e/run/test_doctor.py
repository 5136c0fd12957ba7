"""`firebreak doctor` tries things, and its exit code says whether `up` would run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.vm_agent.image.store import FILES, NoImage, Store
from services.vm_agent.sandbox.drivers import DRIVERS
from tests.e2e.run.test_run import firebreak
from tests.images import NAME, images_folder

SECONDS = 240
"""A guest is booted, emulated, on a machine that does much else at the same time."""

Findings = dict[str, dict[str, str]]


def doctor(folder: Path, code: int = 0, **variables: str) -> Findings:
    """What `doctor --json` finds, by what it is about."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "doctor", "--json"],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return {each["what"]: each for each in json.loads(done.stdout)}


def test_the_doctor_finds_what_this_machine_has(tmp_path: Path) -> None:
    found = doctor(tmp_path)
    assert found["NATS of our own"]["state"] == "works"
    assert found["driver bubblewrap"]["state"] == "works"
    assert found["GITHUB_WEBHOOK_SECRET"]["state"] == "optional"


def test_every_driver_is_probed_and_what_auto_takes_is_said(tmp_path: Path) -> None:
    """There is no image, so no machine can boot: what is missing is said with the command that brings it."""
    found = doctor(tmp_path)
    assert {f"driver {name}" for name in DRIVERS} <= set(found)
    assert found["image"]["state"] == found["driver qemu"]["state"] == "optional"
    assert "firebreak image build" in found["image"]["says"]
    assert found["driver qemu"]["says"]
    assert found["driver auto"]["says"].startswith("takes bubblewrap: ")


def test_for_people_each_finding_is_a_line(tmp_path: Path) -> None:
    lines = firebreak("doctor", cwd=tmp_path).stdout.splitlines()
    assert any(line.startswith("✓ Python: 3.") for line in lines)
    assert any(line.startswith("- GITHUB_TOKEN: ") for line in lines)


def test_a_named_driver_that_does_not_work_fails_the_doctor(tmp_path: Path) -> None:
    found = doctor(tmp_path, code=1, FIREBREAK_DRIVER="qemu")
    assert found["FIREBREAK_DRIVER=qemu"]["state"] == "missing"


def test_an_image_that_was_damaged_fails_the_doctor(tmp_path: Path, images: Path) -> None:
    """Of the same length, so that only reading it shows it."""
    built = Store(images).find(NAME)
    copy = tmp_path / "images" / built.id
    shutil.copytree(built.folder, copy)
    (copy.parent / NAME).symlink_to(built.id)
    smallest = min((copy / name for name in FILES), key=lambda path: path.stat().st_size)
    smallest.chmod(0o644)
    with smallest.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    found = doctor(tmp_path, code=1, FIREBREAK_IMAGES=str(copy.parent), FIREBREAK_QEMU="no-such-qemu")
    assert found["image"]["state"] == "missing"
    assert f"the content of {smallest.name} has changed" in found["image"]["says"]
    assert "no-such-qemu is missing: install QEMU" in found["driver qemu"]["says"]


def test_a_guest_is_booted_with_qemu_and_nothing_is_left(tmp_path: Path, images: Path) -> None:
    home = tmp_path / "home"
    found = doctor(tmp_path, FIREBREAK_IMAGES=str(images), FIREBREAK_IMAGE=NAME, FIREBREAK_HOME=str(home))
    assert found["image"]["state"] == "works"
    assert found["driver qemu"]["state"] == "works"
    assert "booted a guest in" in found["driver qemu"]["says"]
    assert "a kernel of its own" in found["driver qemu"]["says"]
    assert not found["driver auto"]["says"].startswith("takes bubblewrap")
    assert os.listdir(home) == []


@pytest.fixture(scope="session")
def images() -> Path:
    folder = images_folder()
    try:
        Store(folder).find(NAME)
    except NoImage as error:
        pytest.skip(f"{error}; `make vm` builds it")
    return folder
