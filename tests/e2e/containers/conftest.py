"""A QEMU machine with the container engine of its image, for the tests that share it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.contracts.size import Size
from services.vm_agent.image.store import NoImage, Store
from services.vm_agent.sandbox.protocol import Sandbox
from tests.e2e.containers import images
from tests.e2e.machines.standing import qemu_machine
from tests.images import NAME, images_folder

SIZE = Size(2, 768)


@pytest.fixture
def offered(tmp_path: Path) -> Path:
    """The operator's folder of images."""
    folder = tmp_path / "offered"
    folder.mkdir()
    images.archive(folder / "busybox.tar")
    return folder


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Sandbox]:
    try:
        image = Store(images_folder()).find(NAME)
    except NoImage as error:
        pytest.skip(f"{error} (make vm)")
    if "podman" not in image.manifest.packages:
        pytest.skip(f"the image {NAME} was built before it had podman: build it anew (make vm)")
    async with qemu_machine(tmp_path, images_folder(), SIZE) as made:
        yield made
