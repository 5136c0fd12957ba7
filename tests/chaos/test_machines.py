"""Machines that die, guests that misbehave: the attempt is an `error` with its reason, and the job runs again."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from libs.contracts.attempt import AttemptFinished, AttemptLost, StepStarted, VmReady
from libs.contracts.ids import RunId
from tests.chaos.system import POLL_SECONDS, System
from tests.e2e.machines import host_state
from tests.e2e.machines.conftest import images, machines
from tests.e2e.machines.test_push import ready

__all__ = ["images", "machines"]

RUN_SECONDS = 110.0
GONE_SECONDS = 20.0
ONE = """
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo begun; %s; sleep 2; echo done
"""
FOUR = """
on: push
jobs:
  each:
    runs-on: ubuntu-latest
    strategy:
      matrix: {part: [1, 2, 3, 4]}
    steps:
      - run: sleep 5; echo done
"""


async def reasons(system: System, run_id: RunId) -> list[str]:
    """Why the attempts that did not end well did not."""
    found: list[str] = []
    for subject, events in (await system.events()).items():
        if subject.startswith("ev.attempt.") and f".{run_id}." in subject:
            found += [e.why for e in events if isinstance(e, AttemptFinished) and e.conclusion == "error"]
            found += [e.why for e in events if isinstance(e, AttemptLost)]
    return found


@pytest.mark.timeout(240)
async def test_a_vmm_that_is_killed_is_an_error_and_the_job_runs_again(machines: System) -> None:
    run_id = await machines.start(ONE % "sleep 1")
    await machines.until(run_id, StepStarted, RUN_SECONDS)
    (first,) = await ready(machines)
    os.kill(first.pid, signal.SIGKILL)

    view = await machines.finished(run_id, RUN_SECONDS)

    assert view.conclusion == "success", view.why
    assert [len(job.attempts) for job in view.jobs.values()] == [2]
    (why,) = await reasons(machines, run_id)
    assert "machine" in why or "guest" in why, why
    assert len({one.pid for one in await ready(machines)}) == 2


@pytest.mark.timeout(240)
async def test_an_agent_that_is_killed_with_four_machines_leaves_none(machines: System, tmp_path: Path) -> None:
    run_id = await machines.start(FOUR)
    async with asyncio.timeout(RUN_SECONDS):
        while len(stood := await ready(machines)) < 4:
            await asyncio.sleep(POLL_SECONDS)
    assert all(isinstance(one, VmReady) and host_state.alive(one.pid) for one in stood)

    await machines.kill("vm_agent")

    async with asyncio.timeout(GONE_SECONDS):
        while any(host_state.alive(one.pid) for one in stood):
            await asyncio.sleep(POLL_SECONDS)
    view = await machines.finished(run_id, RUN_SECONDS)
    assert view.conclusion == "success", view.why
    lost = await reasons(machines, run_id)
    assert len(lost) == 4, lost
