"""`kill -9` of each service during a run: the run finishes, once, and no step runs twice in one attempt."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from uuid import uuid4

import httpx

from libs.contracts.attempt import StepStarted
from libs.contracts.ids import JobKey
from libs.contracts.run import JobAssigned
from tests.chaos.system import POLL_SECONDS, System, begun, gone, processes_with, whole_system

A = JobKey("a")
DECIDING = ("parser", "scheduler", "ingress")
TELLING = ("learner", "reporter", "console")
"""They write nothing that another of them, or a run, depends on: in the short form they share one run."""
DOWN_SECONDS = 1.0
AROUND_ITS_COMMIT_SECONDS = 0.02
"""From a planned run to the job's assignment and its doorbell take some milliseconds."""
SHOWN_SECONDS = 20.0
START_SECONDS = 10.0
"""From StepStarted, which is stored before, to the step's first process."""
ORPHAN_SECONDS = 10.0
"""The watchdog beside the sandboxes notices the agent's end at once; a busy machine takes its time."""


def sleeping(mark: str, seconds: float = 1.2) -> str:
    return f"""
on: push
env: {{CHAOS_MARK: {mark}}}
jobs:
  a:
    runs-on: self-hosted
    steps:
      - run: echo begun; sleep {seconds}; echo done
      - run: echo second
  b:
    needs: a
    runs-on: self-hosted
    steps:
      - run: echo third
"""


async def test_each_service_killed_during_a_run(system: System, chaos_long: bool) -> None:
    for names in (
        [(name,) for name in (*DECIDING, *TELLING)] if chaos_long else [*((name,) for name in DECIDING), TELLING]
    ):
        run_id = await system.start(sleeping(uuid4().hex))
        await system.until(run_id, StepStarted)
        for name in names:
            await system.kill(name)
        view = await system.finished(run_id)
        assert view.conclusion == "success", f"{names} killed: {view.why}"
        assert {key: len(job.attempts) for key, job in view.jobs.items()} == {"a": 1, "b": 1}, names
        await shown(f"{system.machine.addresses.console}/runs/{run_id}")


async def test_nats_killed_during_a_run(system: System) -> None:
    run_id = await system.start(sleeping(uuid4().hex))
    await system.until(run_id, StepStarted)
    await system.nats.kill()
    await asyncio.sleep(DOWN_SECONDS)
    await system.nats.start()
    view = await system.finished(run_id)
    assert view.conclusion == "success", view.why
    assert {key: len(job.attempts) for key, job in view.jobs.items()} == {"a": 1, "b": 1}


async def test_agent_killed_during_a_step(system: System) -> None:
    mark = uuid4().hex
    run_id = await system.start(sleeping(mark))
    await system.until(run_id, StepStarted)
    before = await begun(mark, START_SECONDS)
    await system.kill("vm_agent")
    view = await system.finished(run_id)
    assert view.conclusion == "success", view.why
    assert [attempt.conclusion for attempt in view.jobs[A].attempts][-1] == "success"
    assert len(view.jobs[A].attempts) == 2
    assert not set(before) & set(processes_with(mark))
    await gone(mark, ORPHAN_SECONDS)


async def test_agent_killed_during_a_step_of_the_host_driver(tmp_path: Path) -> None:
    """Without isolation nobody can know what the step did: it is not tried again, and the job says why."""
    mark = uuid4().hex
    async with whole_system(tmp_path, FIREBREAK_DRIVER="host") as system:
        run_id = await system.start(sleeping(mark))
        await system.until(run_id, StepStarted)
        await begun(mark, START_SECONDS)
        await system.kill("vm_agent")
        view = await system.finished(run_id)
        assert view.conclusion != "success"
        assert view.jobs[A].outcome == "error"
        assert view.jobs[A].why
        assert len(view.jobs[A].attempts) == 1
        await gone(mark, ORPHAN_SECONDS)
        await system.check()


async def test_scheduler_killed_right_after_its_commit(system: System, chaos_long: bool) -> None:
    """The doorbell follows from the stored assignment, whoever stored it."""
    chance = random.Random(7)
    for kill in range(5 if chaos_long else 1):
        run_id = await system.start(sleeping(uuid4().hex, 0.1))
        if kill % 2 == 0:
            await system.until(run_id, JobAssigned)
        else:
            await asyncio.sleep(chance.uniform(0, AROUND_ITS_COMMIT_SECONDS))
        await system.kill("scheduler")
        view = await system.finished(run_id)
        assert view.conclusion == "success", view.why


async def shown(page: str) -> None:
    """Waits until the console has the run on its page, and as a success."""
    async with httpx.AsyncClient(timeout=5) as client, asyncio.timeout(SHOWN_SECONDS):
        while True:
            try:
                answer = await client.get(page)
                if answer.status_code == 200 and "success" in answer.text:
                    return
            except httpx.TransportError:
                pass  # it is just being started again
            await asyncio.sleep(POLL_SECONDS)
