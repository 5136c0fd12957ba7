"""A system whose jobs run in QEMU, from the image of `make vm`; nothing may be left of it but its log."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from services.vm_agent.image.store import NoImage, Store
from tests.chaos.system import System, whole_system
from tests.e2e.machines import host_state
from tests.images import NAME, images_folder

SLOTS = 4
SIZE = "1cpu-512mb"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--machines-long", action="store_true", help="200 jobs instead of 20, and the tests of minutes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "machines_long: takes minutes; runs with --machines-long only (make machines)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What they show of a driver, the contract tests show in every run; the whole system around it takes minutes."""
    if _is_long(config):
        return
    long = [item for item in items if item.get_closest_marker("machines_long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture
def machines_long(request: pytest.FixtureRequest) -> bool:
    return _is_long(request.config)


def _is_long(config: pytest.Config) -> bool:
    """False in a run of all tests, which begins above this folder and does not know the option."""
    return bool(config.getoption("--machines-long", default=False))


@pytest.fixture(scope="session")
def images() -> Path:
    """Where `make vm` built the minimal image."""
    folder = images_folder()
    try:
        Store(folder).find(NAME)
    except NoImage as error:
        pytest.skip(f"{error}; `make vm` builds it")
    return folder


@pytest.fixture
async def machines(tmp_path: Path, images: Path) -> AsyncGenerator[System]:
    """After it has ended nothing of its machines is left, whatever the test did."""
    before = host_state.read(tmp_path / "home")
    async with whole_system(
        tmp_path,
        FIREBREAK_DRIVER="qemu",
        FIREBREAK_IMAGES=str(images),
        FIREBREAK_IMAGE=NAME,
        FIREBREAK_POOL="own=1",
        FIREBREAK_VM_SIZE=SIZE,
        MAX_CONCURRENT_WORKFLOWS=str(SLOTS),
    ) as running:
        yield running
        await running.check()
    assert host_state.read(tmp_path / "home").since(before) == {}
