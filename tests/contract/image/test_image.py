"""The guest image that `make vm` built on this host keeps what images promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.vm_agent.image.recipe import RECIPES
from services.vm_agent.image.store import FILES, MANIFEST, ROOT, DamagedImage, Image, NoImage, Store, check, verify
from tests.images import NAME, images_folder

SQUASHFS, ELF, CPIO = b"hsqs", b"\x7fELF", b"070701"
LARGEST_ROOT_BYTES = 270_000_000
"""Half of it is Node.js, the container engine, and the kernel's modules that its networks need."""


@pytest.fixture(scope="module")
def image() -> Image:
    try:
        return Store(images_folder()).find(NAME)
    except NoImage as error:
        pytest.skip(f"{error}: make vm")


def shortened(image: Image, folder: Path) -> Store:
    """A store with this image, but for half of its root file system."""
    place = folder / image.id
    place.mkdir()
    for name in (*FILES, MANIFEST):
        if name != ROOT:
            (place / name).symlink_to(f"{image.folder}/{name}")
    with open(image.root, "rb") as whole:
        (place / ROOT).write_bytes(whole.read(2**20))
    (folder / NAME).symlink_to(image.id)
    return Store(folder)


def firebreak(images: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli", "image", *arguments]
    environment = {**os.environ, "FIREBREAK_IMAGES": str(images)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def test_it_is_what_was_built(image: Image) -> None:
    verify(image)


def test_a_truncated_copy_fails_with_the_reason(image: Image, tmp_path: Path) -> None:
    copy = shortened(image, tmp_path).find(NAME)
    with pytest.raises(DamagedImage, match=r"root\.squashfs has 1048576 bytes, \d+ were built"):
        check(copy)


def test_the_program_says_the_same(image: Image, tmp_path: Path) -> None:
    whole = firebreak(images_folder(), "verify", image.id)
    assert (whole.returncode, whole.stdout) == (0, f"{image.name} ({image.id}): whole\n")
    shortened(image, tmp_path)
    damaged = firebreak(tmp_path, "verify")
    assert damaged.returncode == 1
    assert "root.squashfs has 1048576 bytes" in damaged.stdout


def test_its_files_are_what_machines_boot(image: Image) -> None:
    begins = {image.kernel: ELF, image.initrd: CPIO, image.root: SQUASHFS}
    for path, begin in begins.items():
        with open(path, "rb") as file:
            assert file.read(len(begin)) == begin


def test_the_minimal_one_is_small_and_has_its_packages(image: Image) -> None:
    assert image.manifest.files[ROOT].bytes < LARGEST_ROOT_BYTES
    assert set(RECIPES[NAME].packages) <= set(image.manifest.packages)
