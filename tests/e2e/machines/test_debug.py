"""A failed job's machine is kept as the failing step left it; `firebreak debug` shows it, and nothing stays of that."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest

from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.host import DebugOpened, HostEvent, VmDestroyed, VmKept
from libs.contracts.ids import HostId, RunId
from tests.chaos.system import FIRST_HOST, POLL_SECONDS, System, whole_system
from tests.e2e.machines import host_state
from tests.e2e.machines.conftest import SIZE
from tests.images import NAME

RUN_SECONDS = 100.0
DEBUG_SECONDS = 60.0
WORKFLOW = """
on: push
env: {COLOUR: green}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: mkdir -p deep && echo "begun $COLOUR" > deep/left && echo in-memory > /home/runner/left
      - run: |
          echo "failed once more" >> left
          exit 3
        working-directory: deep
      - if: always()
        run: rm -rf deep
"""


@pytest.fixture
async def keeping(tmp_path: Path, images: Path) -> AsyncGenerator[System]:
    before = host_state.read(tmp_path / "home")
    async with whole_system(
        tmp_path,
        FIREBREAK_DRIVER="qemu",
        FIREBREAK_IMAGES=str(images),
        FIREBREAK_IMAGE=NAME,
        FIREBREAK_POOL="own=0",
        FIREBREAK_VM_SIZE=SIZE,
        FIREBREAK_KEEP_FAILED="2:1h",
        MAX_CONCURRENT_WORKFLOWS="1",
    ) as running:
        yield running
        await running.check()
    assert host_state.read(tmp_path / "home").since(before) == {}


async def debug(system: System, run_id: RunId, *arguments: str, typed: bytes = b"") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    environment = {"NATS_URL": system.machine.addresses.nats, "FIREBREAK_HOME": str(system.folder / "cli")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.cli", "debug", str(run_id), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "USER": "ada", **environment},
    )
    try:
        async with asyncio.timeout(DEBUG_SECONDS):
            output, errors = await process.communicate(typed)
    except TimeoutError:
        process.kill()
        output, errors = await process.communicate()
        raise AssertionError(f"debug hung: {output!r} {errors!r}") from None
    return process.returncode or 0, output.decode(), errors.decode()


async def told(system: System) -> list[HostEvent]:
    stored = await system.bus.load(subjects.host(HostId(FIRST_HOST)))
    return [msgspec.json.decode(raw, type=HostEvent) for one in stored for raw in decode_commit(one.data).events]


async def all_gone(system: System) -> list[DebugOpened]:
    """Waits until each debug machine's end is told."""
    async with asyncio.timeout(DEBUG_SECONDS):
        while True:
            events = await told(system)
            opened = [event for event in events if isinstance(event, DebugOpened)]
            ended = {event.vm for event in events if isinstance(event, VmDestroyed)}
            if {event.vm for event in opened} <= ended:
                return opened
            await asyncio.sleep(POLL_SECONDS)


@pytest.mark.timeout(300)
async def test_what_the_failing_step_left_is_shown_and_nothing_else_stays(keeping: System) -> None:
    run_id = await keeping.start(WORKFLOW)
    view = await keeping.finished(run_id, RUN_SECONDS)
    assert view.conclusion == "failure"
    (kept,) = [event for event in await told(keeping) if isinstance(event, VmKept)]
    assert (kept.what, kept.step) == ("memory", 1)

    code, output, errors = await debug(
        keeping, run_id, "--command", "pwd; cat left /home/runner/left; echo $COLOUR; id -un; exit 7"
    )
    assert code == 7, errors
    folder, *lines = output.splitlines()
    assert folder.endswith("/deep")
    assert lines == ["begun green", "failed once more", "in-memory", "green", "runner"]

    code, output, errors = await debug(keeping, run_id, "build", "--step", "2", "--command", "cat left")
    assert code == 0, errors
    assert "step 2 ended with 3" in output
    assert output.endswith("begun green\nfailed once more\nfailed once more\n"), output

    code, output, errors = await debug(keeping, run_id, typed=b"echo $((6*7)) > x; cat x left\nexit 5\n")
    assert code == 5, errors
    assert "42\r\nbegun green\r\nfailed once more\r\n" in output

    opened = await all_gone(keeping)
    assert [event.by for event in opened] == ["ada"] * 3
    home = keeping.folder / "home" / "agent" / FIRST_HOST
    assert [entry.name for entry in (home / "kept").iterdir()] == [kept.vm]
    assert not list((home / "sandboxes").iterdir())
    for sealed in (home / "kept" / kept.vm).iterdir():
        assert b"in-memory" not in sealed.read_bytes()


@pytest.mark.timeout(300)
async def test_a_run_of_which_nothing_is_kept_says_so(keeping: System) -> None:
    run_id = await keeping.start("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}")
    await keeping.finished(run_id, RUN_SECONDS)
    code, output, errors = await debug(keeping, run_id, "--command", "true")
    assert (code, output) == (1, "")
    assert f"nothing is kept of run {run_id}" in errors
