"""Machines that die, guests that misbehave: the attempt is an `error` with its reason, and the job runs again."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from libs.contracts.attempt import AttemptFinished, AttemptLost, StepStarted, VmReady
from libs.contracts.host import VmDestroyed, VmPooled
from libs.contracts.ids import RunId
from services.scheduler.policy import MAX_TRIES
from services.vm_agent.image.store import ROOT, Store
from services.vm_agent.pool.core import ASK_SECONDS
from tests.chaos.system import FIRST_HOST, POLL_SECONDS, System, whole_system
from tests.e2e.machines import host_state
from tests.e2e.machines.conftest import SIZE, images, machines
from tests.e2e.machines.test_push import host_events, ready
from tests.images import NAME

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


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_pooled_machine_that_dies_is_replaced_before_a_job_meets_it(machines: System) -> None:
    async def pooled() -> list[VmPooled]:
        return [event for event in await host_events(machines) if isinstance(event, VmPooled)]

    async with asyncio.timeout(RUN_SECONDS):
        while not await pooled():
            await asyncio.sleep(POLL_SECONDS)
    (first,) = await pooled()
    os.kill(first.pid, signal.SIGKILL)

    async with asyncio.timeout(ASK_SECONDS + GONE_SECONDS):
        while len(stood := await pooled()) < 2:
            await asyncio.sleep(POLL_SECONDS)
    (end,) = [event for event in await host_events(machines) if isinstance(event, VmDestroyed)]
    assert (end.vm, end.attempt) == (first.vm, "")
    assert end.why
    assert host_state.alive(stood[1].pid)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_an_image_that_was_cut_is_an_error_with_its_reason_until_it_is_whole_again(
    images: Path, tmp_path: Path
) -> None:
    own = tmp_path / "images"
    image = Store(images).find(NAME)
    shutil.copytree(image.folder, own / image.id)
    (own / NAME).symlink_to(image.id)
    settings = {"FIREBREAK_IMAGES": str(own), "FIREBREAK_IMAGE": NAME, "FIREBREAK_POOL": "0", "FIREBREAK_VM_SIZE": SIZE}
    async with whole_system(tmp_path, FIREBREAK_DRIVER="qemu", **settings) as system:
        await system.joined(FIRST_HOST)
        whole = (own / image.id / ROOT).stat().st_size
        os.truncate(own / image.id / ROOT, whole - 4096)
        run_id = await system.start(ONE % "true")
        view = await system.finished(run_id, RUN_SECONDS)
        assert view.conclusion == "error"
        why = await reasons(system, run_id)
        assert len(why) == MAX_TRIES
        assert all(f"{ROOT} has {whole - 4096} bytes" in one for one in why), why

        (own / image.id / ROOT).unlink()
        shutil.copy(f"{image.folder}/{ROOT}", own / image.id / ROOT)
        view = await system.finished(await system.start(ONE % "true"), RUN_SECONDS)
        assert view.conclusion == "success", view.why
        await system.check()
