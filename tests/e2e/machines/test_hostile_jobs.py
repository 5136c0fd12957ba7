"""Jobs whose root ends the machine from inside, and a machine that hangs: each is an error with its reason, tried again
on a fresh machine, and nobody else notices."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from libs.contracts.attempt import AttemptFinished, AttemptLost, VmReady
from libs.contracts.ids import RunId
from libs.views.run import JobView, RunView
from services.scheduler.policy import MAX_TRIES
from tests.chaos.system import POLL_SECONDS, System
from tests.e2e.machines import host_state
from tests.e2e.machines.test_many import settled
from tests.e2e.machines.test_push import accounted_for, ready

RUN_SECONDS = 150.0
ENDS = {
    "panic": "echo c > /proc/sysrq-trigger",
    "off": "echo o > /proc/sysrq-trigger; sleep 5",
    "reboot": 'python3 -c "import ctypes; ctypes.CDLL(None).reboot(0x01234567)"',
    "agent": "python3 /tmp/overwrite.py",
}
WORKFLOW = """
on: push
jobs:
  hung:
    runs-on: ubuntu-latest
    steps:
      - run: echo begun; sleep 4; echo done
  ends:
    runs-on: ubuntu-latest
    strategy:
      fail-fast: false
      matrix:
        how: [%s]
    steps:
      - run: |
          cat > /tmp/overwrite.py <<'END'
          # The agent is the first process: its code is overwritten.
          places = [line.split()[0] for line in open("/proc/1/maps") if "r-xp" in line and "/" in line]
          with open("/proc/1/mem", "r+b", buffering=0) as memory:
              for place in places:
                  begin, end = (int(number, 16) for number in place.split("-"))
                  memory.seek(begin)
                  memory.write(bytes(end - begin))
          END
          case ${{ matrix.how }} in
          %s
          esac
          sleep 30
          echo it goes on
  readonly:
    runs-on: ubuntu-latest
    steps:
      - run: sudo mount -o remount,ro /home/runner/work
      - run: echo this cannot be written
  crammed:
    runs-on: ubuntu-latest
    steps:
      - run: |
          fallocate -l "$(df --output=avail -B1 . | tail -n 1)" big || true
          dd if=/dev/zero of=more bs=64k 2> /dev/null || true
      - run: echo this has no room
  filled:
    runs-on: ubuntu-latest
    steps:
      - run: dd if=/dev/zero of=/home/runner/big bs=1M count=700
      - if: always()
        run: rm -f /home/runner/big; echo still here
  neighbour:
    runs-on: ubuntu-latest
    steps:
      - run: sleep 10; echo well
"""


def workflow() -> str:
    cases = "\n          ".join(f"{name}) sudo sh -c '{script}' ;;" for name, script in ENDS.items())
    return WORKFLOW % (", ".join(ENDS), cases)


async def reasons(system: System, run_id: RunId) -> dict[str, list[str]]:
    """By job, why its attempts did not end well."""
    found: dict[str, list[str]] = {}
    for subject, events in (await system.events()).items():
        if subject.startswith("ev.attempt.") and f".{run_id}." in subject:
            job = subject.split(".")[-2]
            for event in events:
                if isinstance(event, AttemptLost) or (
                    isinstance(event, AttemptFinished) and event.conclusion != "success"
                ):
                    found.setdefault(job, []).append(event.why)
    return found


async def machine_of(system: System, job: str) -> VmReady:
    """The first that stands for this job."""
    async with asyncio.timeout(RUN_SECONDS):
        while True:
            for subject, events in (await system.events()).items():
                if subject.split(".")[-2] == job:
                    for event in events:
                        if isinstance(event, VmReady):
                            return event
            await asyncio.sleep(POLL_SECONDS)


def outcomes(view: RunView) -> dict[str, str | None]:
    return {job.key: job.outcome for job in view.jobs.values()}


@pytest.mark.machines_long
@pytest.mark.timeout(300)
async def test_a_job_that_ends_its_machine_ends_nothing_else(machines: System) -> None:
    run_id = await machines.start(workflow())
    os.kill((await machine_of(machines, "hung")).pid, signal.SIGSTOP)
    view = await machines.finished(run_id, RUN_SECONDS)

    why = await reasons(machines, run_id)
    print(outcomes(view), why)
    ended: dict[str, JobView] = {job.key: job for job in view.jobs.values()}
    assert ended["neighbour"].outcome == "success"
    assert len(ended["neighbour"].attempts) == 1
    assert ended["hung"].outcome == "success", why
    assert len(ended["hung"].attempts) == 2
    assert any("did not answer" in one for one in why["hung"]), why
    for key in ("readonly", "crammed", "filled"):
        assert ended[key].outcome == "failure", (key, why)
        assert len(ended[key].attempts) == 1, (key, why)
    killers = [job for key, job in ended.items() if key.startswith("ends")]
    assert len(killers) == len(ENDS)
    for job in killers:
        assert job.outcome == "error", (job.key, why)
        assert len(job.attempts) == MAX_TRIES
    for key, texts in why.items():
        if key.startswith("ends"):
            assert all("guest ended its machine" in text or "guest agent" in text for text in texts), texts
    stood = await ready(machines)
    await accounted_for(machines, stood)
    assert not [one.pid for one in stood if host_state.alive(one.pid)]
    await settled(machines)
