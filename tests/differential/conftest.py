"""GitHub's own code for the differential tests: one process a session."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.differential.oracle import Oracle, missing


def pytest_addoption(parser: pytest.Parser) -> None:
    what = "the long forms of the differential tests (make differential)"
    parser.addoption("--differential-long", action="store_true", help=what)


@pytest.fixture(scope="session")
def oracle() -> Generator[Oracle]:
    """Skips where it is not installed, with what to do; under NO_SKIPS that is a failure."""
    why = missing()
    if why is not None:
        if os.environ.get("NO_SKIPS"):
            pytest.fail(why)
        pytest.skip(why)
    with Oracle() as started:
        yield started
