"""Two schedulers that both act, without the lease between them: the sequences alone keep one owner a job."""

from __future__ import annotations

import asyncio
from pathlib import Path

from libs.contracts import subjects
from libs.contracts.ids import HostId
from libs.contracts.run import JobFinished
from tests.chaos.system import System, whole_system

RUNS = 10
ACTING_SECONDS = 3.0
"""Until the second scheduler has certainly read the log and acts: it says so nowhere that we could wait for."""
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
    async with whole_system(tmp_path, **without_lease) as system, system.another("scheduler") as second:
        assert await system.bus.last(subjects.host(HostId("first")))
        await asyncio.sleep(ACTING_SECONDS)
        payload = system.workflow(WORKFLOW)
        delivered = await asyncio.gather(*(system.deliver(payload) for _ in range(RUNS)))
        views = [await system.finished(await system.planned(guid)) for guid, _ in delivered]
        assert [view.conclusion for view in views] == ["success"] * RUNS
        assert [len(job.attempts) for view in views for job in view.jobs.values()] == [1] * 3 * RUNS
        await system.check()
        await check_ends(system)
        assert second.pid in running_pids(second.pid)


async def check_ends(system: System) -> None:
    for subject, events in (await system.events()).items():
        ended = [event.job for event in events if isinstance(event, JobFinished)]
        assert len(ended) == len(set(ended)), f"{subject}: finished {ended}"


def running_pids(pid: int) -> list[int]:
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return [] if state == "Z" else [pid]
