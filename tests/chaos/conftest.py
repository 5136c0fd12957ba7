"""The crash tests: a short form in every run, the long one with `--chaos-long` (`make chaos`)."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-long", action="store_true", help="kill more often")


@pytest.fixture
def chaos_long(request: pytest.FixtureRequest) -> bool:
    """False in a run of all tests, which begins above this folder and does not know the option."""
    return bool(request.config.getoption("--chaos-long", default=False))
