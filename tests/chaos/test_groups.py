"""`kill -9` of the scheduler again and again while runs of one concurrency group wait for each other: all of them run,
one by one, in the order of their coming.
"""

from __future__ import annotations

import asyncio

from libs.contracts import subjects
from libs.contracts.ids import RunId
from libs.contracts.run import JobFinished, JobQueued
from tests.chaos.system import System
from tests.e2e.scheduler.world import run_events

RUNS = 4
KILLS = 3
BETWEEN_KILLS_SECONDS = 0.7
"""A restart takes about as long: some kills meet a scheduler that has just begun to read."""
WORKFLOW = """
on: push
concurrency: {group: "${{ github.repository }}", queue: max}
jobs:
  a:
    runs-on: self-hosted
    steps:
      - run: sleep 0.3
"""


async def test_a_group_survives_its_scheduler(system: System) -> None:
    payload = system.workflow(WORKFLOW)
    run_ids: list[RunId] = []
    for _ in range(RUNS):
        guid, _ = await system.deliver(payload)
        run_ids.append(await system.planned(guid))
    for _ in range(KILLS):
        await system.kill("scheduler")
        await asyncio.sleep(BETWEEN_KILLS_SECONDS)
    views = [await system.finished(run_id) for run_id in run_ids]
    assert [view.conclusion for view in views] == ["success"] * RUNS
    order: list[RunId] = []
    inside: set[RunId] = set()
    for stored in await system.bus.load(subjects.ALL_RUNS):
        run_id = subjects.parse_run(stored.subject).run_id
        for event in run_events(stored):
            if isinstance(event, JobQueued):
                assert not inside - {run_id}, f"{run_id} began while {inside} had not ended"
                inside.add(run_id)
                order += [run_id] if run_id not in order else []
            elif isinstance(event, JobFinished):
                inside.discard(run_id)
    assert order == run_ids
    await system.check()
