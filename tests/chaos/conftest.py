"""The crash tests: a short form in every run, the long one with `--chaos-long` (`make chaos`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.chaos.system import System, whole_system


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-long", action="store_true", help="kill more often, and run the tests that take a minute")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: takes a minute; runs with --chaos-long only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long ones are not part of the short form: that is a choice of whoever asks, not a test that cannot run here."""
    if _is_long(config):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture
def chaos_long(request: pytest.FixtureRequest) -> bool:
    return _is_long(request.config)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncGenerator[System]:
    """The whole system on `bubblewrap`; what must hold of its log is checked at the end."""
    async with whole_system(tmp_path) as running:
        yield running
        await running.check()


def _is_long(config: pytest.Config) -> bool:
    """False in a run of all tests, which begins above this folder and does not know the option."""
    return bool(config.getoption("--chaos-long", default=False))
