"""A failed job's machine is kept once, at its first failing step, or it is said why not; its verdict stays."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from libs.contracts.attempt import AttemptFinished
from libs.contracts.host import HostEvent, VmKept, VmNotKept
from libs.contracts.size import Size
from services.vm_agent.sandbox.machine.saving import DiskWork, SavedAs, Sink
from services.vm_agent.sandbox.protocol import SandboxLost, SandboxSpec
from tests.e2e.vm_agent.agent_harness import HOST, Running, address, agent, job
from tests.e2e.vm_agent.harness import step
from tests.e2e.vm_agent.machines import TwinDriver, TwinMachine

E = TypeVar("E")


class SavableTwin(TwinMachine):
    """`saved` counts; `trouble` is what a save ends with."""

    saved = 0
    trouble = ""

    async def save(self, disk: DiskWork, memory: Sink | None = None) -> SavedAs:
        SavableTwin.saved += 1
        if self.trouble:
            raise SandboxLost(self.trouble)
        if memory is not None:
            await memory(b"the memory")
        place = self.paths.work + "/disk-of-twin"
        with open(place, "wb") as file:
            file.write(b"the disk")
        await disk(place)
        os.unlink(place)
        return SavedAs("image-1", "fit", Size(1, 512), "own", True, 1024**3)


class SavingDriver(TwinDriver):
    def create(self, spec: SandboxSpec) -> SavableTwin:
        made = self.machines[spec.id] = SavableTwin(spec, self.place / spec.id, self)
        return made


@asynccontextmanager
async def keeping(folder: Path, **settings: str) -> AsyncGenerator[Running]:
    SavableTwin.saved = 0
    given = {"FIREBREAK_POOL": "0", "FIREBREAK_KEEP_FAILED": "2:1h", **settings}
    async with agent(folder, driver=SavingDriver(folder / "machines"), settings=given) as running:
        yield running


async def failed(running: Running, n: int = 1, **fields: object) -> None:
    await running.give(job(step("false"), step("false", if_="always()"), n=n, **fields))
    finished = (await running.ended(address(n)))[-1]
    assert isinstance(finished, AttemptFinished)
    assert finished.conclusion == "failure"


def kept_files(folder: Path) -> dict[str, set[str]]:
    place = folder / "home" / "agent" / HOST / "kept"
    return {kept.name: {file.name for file in kept.iterdir()} for kept in place.iterdir()} if place.exists() else {}


def of_kind(events: list[HostEvent], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


async def test_it_is_saved_at_the_first_failing_step_and_once(tmp_path: Path) -> None:
    async with keeping(tmp_path) as running:
        await failed(running)
    (kept,) = of_kind(await running.host_events(), VmKept)
    assert (kept.attempt, kept.what, kept.step, SavableTwin.saved) == (address(), "memory", 0, 1)
    assert kept_files(tmp_path) == {kept.vm: {"kept.json", "memory.sealed", "disk.sealed", "steps.sealed"}}


async def test_a_job_that_succeeds_is_not_saved(tmp_path: Path) -> None:
    async with keeping(tmp_path) as running:
        await running.give(job(step("true"), step("false", continue_on_error="true")))
        await running.ended(address())
    assert SavableTwin.saved == 0
    assert not of_kind(await running.host_events(), VmNotKept)


async def test_a_forks_machine_is_not_kept_and_that_is_said(tmp_path: Path) -> None:
    async with keeping(tmp_path) as running:
        await failed(running, trust="fork")
    (said,) = of_kind(await running.host_events(), VmNotKept)
    assert "FIREBREAK_KEEP_FORKS" in said.why
    assert (SavableTwin.saved, kept_files(tmp_path)) == (0, {})


async def test_a_save_that_fails_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    SavableTwin.trouble = "QEMU has ended"
    try:
        async with keeping(tmp_path) as running:
            await failed(running)
    finally:
        SavableTwin.trouble = ""
    (said,) = of_kind(await running.host_events(), VmNotKept)
    assert said.why == "it could not be saved: QEMU has ended"
    assert kept_files(tmp_path) == {}
    assert not list((tmp_path / "home" / "agent" / HOST / "keys").iterdir())


async def test_the_oldest_goes_when_there_are_too_many(tmp_path: Path) -> None:
    async with keeping(tmp_path) as running:
        for n in (1, 2, 3):
            await failed(running, n)
    kept = [event.vm for event in of_kind(await running.host_events(), VmKept)]
    assert set(kept_files(tmp_path)) == set(kept[1:])


async def test_off_keeps_nothing(tmp_path: Path) -> None:
    async with keeping(tmp_path, FIREBREAK_KEEP_FAILED="off") as running:
        await failed(running)
    assert SavableTwin.saved == 0
    assert not of_kind(await running.host_events(), VmNotKept)
