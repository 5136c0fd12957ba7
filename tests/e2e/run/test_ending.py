"""What ends `firebreak run` from outside ends its jobs with it: no process and no folder stays, whichever signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SECONDS = 30
WORKFLOW = """\
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: |
          setsid sleep 60 & echo $! > {folder}/away
          sleep 60 & echo $! > {folder}/beside
          wait
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that is over and that nobody waited for yet is no process that stayed.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


def eventually(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_jobs_too_and_exits_130(tmp_path: Path, number: signal.Signals) -> None:
    workflows = tmp_path / "repository" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "ci.yml").write_text(WORKFLOW.format(folder=tmp_path))
    (tmp_path / "scratch").mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path / "scratch"),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    command = [sys.executable, "-m", "services.cli", "run", str(tmp_path / "repository")]
    files = [tmp_path / "away", tmp_path / "beside"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        try:
            assert eventually(lambda: all(file.exists() and file.read_text().endswith("\n") for file in files))
            run.send_signal(number)
            assert run.wait(SECONDS) == 130
        finally:
            run.kill()
    pids = [int(file.read_text()) for file in files]
    assert eventually(lambda: not any(alive(pid) for pid in pids))
    assert list((tmp_path / "scratch").iterdir()) == []
