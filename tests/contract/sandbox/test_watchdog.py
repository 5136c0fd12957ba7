"""The watchdog, with a real process for the agent that is stopped, killed, or both, and what becomes of its job."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.vm_agent.sandbox import footprint as footprints
from services.vm_agent.sandbox import processes
from services.vm_agent.sandbox.footprint import Footprint
from tests.contract.sandbox.conftest import DRIVERS, ELSEWHERE, MachineDriver

ROOT = Path(__file__).parents[3]
PAUSE_AFTER_SECONDS = 1.0
BOUND_SECONDS = 10.0
"""Far below the 20 s of production, far above what a busy machine needs."""


class Agent:
    """The agent-like process, and what it told us."""

    def __init__(self, driver: str, folder: Path, *more: str) -> None:
        argv = [
            sys.executable,
            "-m",
            "tests.contract.sandbox.agent_like",
            driver,
            str(folder),
            str(PAUSE_AFTER_SECONDS),
            str(MachineDriver.templates.resolve()),
            *more,
        ]
        self.process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        told = self.read()
        if "cannot" in told:
            pytest.skip(str(told["cannot"]))
        self.footprint = footprints.from_json(json.dumps(told["footprint"]))
        self.watchdog = int(told["watchdog"])

    def read(self) -> dict[str, object]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the agent ended with {self.process.wait()}"
        return json.loads(line)

    def order(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def has_another_watchdog(self) -> bool:
        self.order("name it")
        return self.read()["watchdog"] != self.watchdog

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()
        eventually(lambda: not os.path.exists(f"/proc/{self.watchdog}"), "the watchdog did not end")


@pytest.fixture(params=[name for name in DRIVERS if name != "ghost" and name not in ELSEWHERE])
def agent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Agent]:
    made = Agent(request.param, tmp_path / "sandboxes")
    yield made
    made.end()


def eventually(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + BOUND_SECONDS
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)


def ticks(footprint: Footprint) -> dict[int, int]:
    """The processor time of each process of the sandbox."""
    used: dict[int, int] = {}
    for member in processes.members(footprint):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{member.pid}/stat").read_text().rsplit(")", 1)[1].split()
            used[member.pid] = int(fields[11]) + int(fields[12])
    return used


def stands_still(footprint: Footprint) -> bool:
    before = ticks(footprint)
    time.sleep(0.2)
    return ticks(footprint) == before


def test_a_frozen_agents_sandbox_is_stopped_while_the_agent_is_still_frozen(agent: Agent) -> None:
    assert not stands_still(agent.footprint)
    agent.send(signal.SIGSTOP)
    eventually(lambda: stands_still(agent.footprint), "the sandbox goes on")
    state = processes.read(agent.process.pid)
    assert state is not None
    assert state.state == "T"
    assert ticks(agent.footprint), "stopped, not killed"

    agent.send(signal.SIGCONT)
    told = agent.read()
    assert isinstance(told["paused"], float)
    assert told["paused"] >= PAUSE_AFTER_SECONDS
    assert stands_still(agent.footprint), "only the agent may resume"

    agent.order("resume")
    assert agent.read()["did"] == "resume"
    assert not stands_still(agent.footprint)


def test_a_killed_agent_leaves_nothing(agent: Agent) -> None:
    agent.send(signal.SIGKILL)
    agent.process.wait()
    footprint = agent.footprint
    eventually(lambda: not processes.members(footprint), "processes live on")
    eventually(lambda: not os.path.exists(footprint.folder), "files are left")
    eventually(lambda: not any(map(os.path.exists, footprint.cgroups)), "cgroups are left")
    eventually(lambda: not os.path.exists(f"/proc/{agent.watchdog}"), "the watchdog did not end")


def test_a_killed_agent_leaves_nothing_of_what_it_was_still_making(tmp_path: Path) -> None:
    agent = Agent("host", tmp_path / "sandboxes", "untold")
    (tmp_path / "sandboxes" / "of-another-agent").mkdir()
    agent.send(signal.SIGKILL)
    agent.process.wait()
    eventually(lambda: not processes.members(agent.footprint), "processes live on")
    eventually(lambda: not os.path.exists(agent.footprint.folder), "files are left")
    agent.end()
    assert os.listdir(tmp_path / "sandboxes") == ["of-another-agent"]


def test_an_agent_killed_while_it_was_frozen_leaves_nothing(agent: Agent) -> None:
    agent.send(signal.SIGSTOP)
    eventually(lambda: stands_still(agent.footprint), "the sandbox goes on")
    agent.send(signal.SIGKILL)
    agent.process.wait()
    eventually(lambda: not processes.members(agent.footprint), "processes live on")
    eventually(lambda: not os.path.exists(agent.footprint.folder), "files are left")


def test_signals_that_end_an_agent_do_not_end_its_watchdog(agent: Agent) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(agent.watchdog, number)
    agent.send(signal.SIGSTOP)
    eventually(lambda: stands_still(agent.footprint), "the sandbox goes on")
    agent.send(signal.SIGCONT)
    assert "paused" in agent.read()


def test_another_watchdog_takes_the_place_of_a_dead_one(agent: Agent) -> None:
    os.kill(agent.watchdog, signal.SIGKILL)
    assert "another is started" in str(agent.read()["trouble"])
    eventually(agent.has_another_watchdog, "no other was started")
    agent.send(signal.SIGSTOP)
    eventually(lambda: stands_still(agent.footprint), "the new watchdog does not know the sandbox")
    agent.send(signal.SIGCONT)
    assert "paused" in agent.read()
