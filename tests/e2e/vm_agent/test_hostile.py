"""A machine whose guest lies ends its own job as an error, with the reason; a job beside it does not notice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from libs.contracts.attempt import AttemptEvent, AttemptFinished, StepFinished
from services.vm_agent.sandbox.host import HostDriver, HostSandbox
from services.vm_agent.sandbox.protocol import SandboxSpec
from tests.contract.sandbox.hostile.machine import HostileMachine
from tests.e2e.vm_agent.agent_harness import Running, address, agent, job
from tests.e2e.vm_agent.harness import step

pytestmark = pytest.mark.timeout(30)

ATTACKS = {
    "output of a stream that is not open": "it spoke on stream 77, which is not open",
    "a code of 256": "it answered with the exit code 256",
    "a frame a byte at a time": "it hangs",
}


class OneHostile(HostDriver):
    """Its first machine lies, all others are honest."""

    def __init__(self, folder: Path, attack: str) -> None:
        super().__init__(folder)
        self._place, self._attacks = folder, [attack]

    @property
    def has_lied(self) -> bool:
        return not self._attacks

    def create(self, spec: SandboxSpec) -> HostSandbox:
        if not self._attacks:
            return super().create(spec)
        return HostileMachine(self._attacks.pop(), self._place)  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize("attack", ATTACKS)
async def test_only_the_job_of_a_guest_that_lies_ends(tmp_path: Path, attack: str) -> None:
    driver = OneHostile(tmp_path / "home" / "agent" / "h1" / "sandboxes", attack)
    async with agent(tmp_path, driver=driver) as running:
        await running.give(job(step("true")))
        await running.until(address(1), bool)
        await running.give(job(step("for i in 1 2 3; do echo $i; sleep 0.2; done"), n=2))
        hostile, honest = await asyncio.gather(running.ended(address(1)), running.ended(address(2)))
        await nothing_left(running)
    lied, worked = finished(hostile), finished(honest)
    assert (lied.conclusion, worked.conclusion) == ("error", "success")
    assert ATTACKS[attack] in lied.why
    assert [event.conclusion for event in honest if isinstance(event, StepFinished)] == ["success"]


@pytest.mark.parametrize("attack", ["no hello", "a clock of 1970"])
async def test_a_guest_that_lies_at_its_start_gets_no_job(tmp_path: Path, attack: str) -> None:
    driver = OneHostile(tmp_path / "home" / "agent" / "h1" / "sandboxes", attack)
    async with agent(tmp_path, driver=driver) as running:
        await running.give(job(step("true")))
        ended = await running.ended(address(1))
        await nothing_left(running)
    assert finished(ended).conclusion == "success"
    assert driver.has_lied


async def nothing_left(running: Running) -> None:
    async with asyncio.timeout(5):
        while running.sandboxes():
            await asyncio.sleep(0.01)


def finished(events: list[AttemptEvent]) -> AttemptFinished:
    return next(event for event in events if isinstance(event, AttemptFinished))
