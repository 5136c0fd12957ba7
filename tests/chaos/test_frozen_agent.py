"""An agent that stands still while its step runs: its watchdog stops the sandbox in time, another host takes the job,
and when the agent wakes it has nothing more to say."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from uuid import uuid4

import pytest

from libs.contracts.attempt import AttemptLost, StepStarted
from libs.contracts.ids import JobKey
from tests.chaos.system import POLL_SECONDS, System, begun, gone, processes_with

STOPPED_WITHIN_SECONDS = 20.0
"""What the architecture promises: the scheduler declares an attempt lost after 30 s at the earliest."""
STANDSTILL_SECONDS = 5.0
"""A file that did not grow for so long, though its writer appends five times a second, belongs to what stands still."""
FROZEN_SECONDS = 50.0
WAKING_SECONDS = 20.0
SECOND = "second"
JOB = JobKey("a")


def ticking(mark: str) -> str:
    """Endless on the first host, short on the second one."""
    return f"""
on: push
env: {{CHAOS_MARK: {mark}}}
jobs:
  a:
    runs-on: self-hosted
    steps:
      - run: |
          if [ "$RUNNER_NAME" = {SECOND} ]; then echo taken over; exit 0; fi
          for number in $(seq 600); do echo $number >> ticks; sleep 0.2; done
"""


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_a_frozen_agent_is_replaced_and_cannot_come_back(system: System) -> None:
    mark = uuid4().hex
    run_id = await system.start(ticking(mark))
    subject = await system.until(run_id, StepStarted)
    await begun(mark, WAKING_SECONDS)
    async with system.another("vm_agent", FIREBREAK_HOST_ID=SECOND):
        await system.joined(SECOND)
        frozen = time.monotonic()
        agent = system.machine.supervisor.pids()["vm_agent"]
        os.kill(agent, signal.SIGSTOP)
        try:
            await stands_still(system, frozen)
            assert state(agent) == "T", "the agent itself must still be stopped"
            view = await system.finished(run_id)
            assert view.conclusion == "success", view.why
            assert [attempt.host for attempt in view.jobs[JOB].attempts] == ["first", SECOND]
            told = (await system.events())[subject]
            assert isinstance(told[-1], AttemptLost)
            await asyncio.sleep(max(0.0, frozen + FROZEN_SECONDS - time.monotonic()))
            assert processes_with(mark), "it stands still, it is not gone: what follows would prove nothing"
        finally:
            os.kill(agent, signal.SIGCONT)
        await gone(mark, WAKING_SECONDS)
        assert (await system.events())[subject] == told
        assert system.machine.supervisor.pids()["vm_agent"] == agent


async def stands_still(system: System, frozen: float) -> None:
    """Returns once the step's file has stopped growing; fails where it grew after the promised time."""
    (file,) = (system.machine.settings.home / "agent").rglob("ticks")
    size, grew = file.stat().st_size, time.monotonic()
    assert size
    while time.monotonic() < frozen + STOPPED_WITHIN_SECONDS + STANDSTILL_SECONDS:
        await asyncio.sleep(POLL_SECONDS)
        if file.stat().st_size != size:
            size, grew = file.stat().st_size, time.monotonic()
    assert grew - frozen < STOPPED_WITHIN_SECONDS, f"the step still ran {grew - frozen:.1f} s after its agent froze"
    assert grew > frozen, "the step had ended before the agent froze"


def state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0]
