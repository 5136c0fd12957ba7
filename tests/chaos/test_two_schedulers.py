"""Two schedulers that both act, without the lease between them: the sequences alone keep one owner a job."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from libs.contracts.run import JobFinished
from tests.chaos.system import System, whole_system

RUNS = 10
WORKFLOW = """
on: push
jobs:
  a:
    runs-on: self-hosted
    strategy: {matrix: {number: [1, 2]}}
    steps:
      - run: echo ${{ matrix.number }}
  b:
    needs: a
    runs-on: self-hosted
    steps:
      - run: echo after
"""


async def test_every_job_has_one_owner_and_every_run_one_end(tmp_path: Path) -> None:
    without_lease = {"FIREBREAK_SCHEDULER_LEASE": "false"}
    async with whole_system(tmp_path, **without_lease) as system, system.another("scheduler"):
        await second_acts(system)
        payload = system.workflow(WORKFLOW)
        delivered = await asyncio.gather(*(system.deliver(payload) for _ in range(RUNS)))
        views = [await system.finished(await system.planned(guid)) for guid, _ in delivered]
        assert [view.conclusion for view in views] == ["success"] * RUNS
        assert [len(job.attempts) for view in views for job in view.jobs.values()] == [1] * 3 * RUNS
        await system.check()
        await check_ends(system)


async def second_acts(system: System) -> None:
    """A run that ends while the first scheduler stands still is the second one's work."""
    first = system.machine.supervisor.pids()["scheduler"]
    os.kill(first, signal.SIGSTOP)
    try:
        await system.finished(await system.start(WORKFLOW))
    finally:
        os.kill(first, signal.SIGCONT)


async def check_ends(system: System) -> None:
    for subject, events in (await system.events()).items():
        ended = [event.job for event in events if isinstance(event, JobFinished)]
        assert len(ended) == len(set(ended)), f"{subject}: finished {ended}"
