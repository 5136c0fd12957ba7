"""A job that uses up its machine's memory or disk fails at that step, with the reason, and no other job notices."""

from __future__ import annotations

import pytest

from libs.contracts.attempt import StepFinished
from tests.chaos.system import System

RUN_SECONDS = 150.0
WORKFLOW = """
on: push
jobs:
  memory:
    runs-on: ubuntu-latest
    steps:
      - run: python3 -c "held = [bytearray(8 << 20) for _ in range(200)]"
      - if: always()
        run: echo still here
  disk:
    runs-on: ubuntu-latest
    steps:
      - run: |
          fallocate -l "$(df --output=avail -B1 . | tail -n 1)" big || true
          dd if=/dev/zero of=more bs=1M count=64
  neighbour:
    runs-on: ubuntu-latest
    steps:
      - run: echo well
"""


@pytest.mark.timeout(300)
async def test_what_runs_out_is_named_and_ends_that_job_alone(machines: System) -> None:
    run_id = await machines.start(WORKFLOW)
    view = await machines.finished(run_id, RUN_SECONDS)
    assert {job.key: job.outcome for job in view.jobs.values()} == {
        "memory": "failure",
        "disk": "failure",
        "neighbour": "success",
    }
    ends: dict[str, list[StepFinished]] = {}
    for subject, events in (await machines.events()).items():
        for event in events:
            if isinstance(event, StepFinished):
                ends.setdefault(subject.split(".")[-2], []).append(event)
    killed, after = ends["memory"]
    assert "the job's memory is used up" in killed.why, killed.why
    assert after.conclusion == "success"
    (full,) = ends["disk"]
    assert "No space is left in /home/runner/work" in full.why, full.why
    assert all(len(job.attempts) == 1 for job in view.jobs.values()), "it was tried again"
