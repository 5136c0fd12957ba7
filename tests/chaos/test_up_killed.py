"""`kill -9` of `firebreak up` itself: nothing of it lives on, and the next one in the same home starts."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from services.cli.connection import UP_FILE
from tests.chaos.services import ROOT
from tests.chaos.system import POLL_SECONDS, SECRET, begun, gone

STARTED_SECONDS = 60.0
GONE_SECONDS = 40.0
"""The services end in order, without a bus and so with their bounded waits for it."""


async def test_nothing_lives_on_and_the_next_one_starts(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(2):
        (home / UP_FILE).unlink(missing_ok=True)
        up = await started(tmp_path, home)
        await begun(str(home), STARTED_SECONDS)
        up.kill()
        await up.wait()
        await gone(str(home), GONE_SECONDS)
        async with asyncio.timeout(GONE_SECONDS):
            while servers_of(home):
                await asyncio.sleep(POLL_SECONDS)


async def started(folder: Path, home: Path) -> asyncio.subprocess.Process:
    """`firebreak up` once it says where everything is."""
    environment = {
        "FIREBREAK_ANALYTICS_PORT": "0",
        "FIREBREAK_CONSOLE_PORT": "0",
        "FIREBREAK_DRIVER": "host",
        "FIREBREAK_HOME": str(home),
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "PORT": "0",
    }
    with (folder / "up.log").open("ab") as log:
        up = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "up", cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(STARTED_SECONDS):
            while not (home / UP_FILE).exists():
                assert up.returncode is None, (folder / "up.log").read_text()
                await asyncio.sleep(POLL_SECONDS)
    except BaseException:
        up.kill()
        raise
    return up


def servers_of(home: Path) -> list[int]:
    """NATS servers on this home's store: their environment does not name it, their command line does."""
    found: list[int] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                if f"{home}/nats".encode() in (place / "cmdline").read_bytes():
                    found.append(int(place.name))
            except OSError:
                continue
    return found
