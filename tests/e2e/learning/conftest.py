"""The closed loop: a short form in every run, all sixty runs with `--learning-long`."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--learning-long", action="store_true", help="sixty runs over several commits, not sixteen")


@pytest.fixture
def learning_long(request: pytest.FixtureRequest) -> bool:
    """False in a run of all tests, which begins above this folder and does not know the option."""
    return bool(request.config.getoption("--learning-long", default=False))
