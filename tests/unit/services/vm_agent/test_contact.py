"""Contact with the bus: silence stops sandboxes, an answer judges them, and nothing goes on before it is judged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from libs.bus.memory.bus import MemoryBus
from libs.bus.port import BusDown
from services.vm_agent.contact import FROZEN_SECONDS, SILENCE_SECONDS, Contact, Tempo


@dataclass
class Holder:
    did: list[str] = field(default_factory=list[str])
    down: bool = False

    async def pause_all(self) -> None:
        self.did.append("pause")

    async def judge(self, *, resume: bool) -> None:
        if self.down:
            raise BusDown
        self.did.append("resume" if resume else "check")


class Bus(MemoryBus):
    down = False
    asked = 0

    async def round_trip(self) -> None:
        self.asked += 1
        if self.down:
            raise BusDown


class Story:
    """Virtual time: the agent's clock goes only where it is told to; the loop's pauses are as short as can be."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.bus, self.holder = Bus(), Holder()
        self.contact = Contact(self.bus, self.holder, lambda: self.seconds, Tempo(beat_seconds=0, round_trip_seconds=0))
        self.task: asyncio.Task[None] | None = None

    async def pass_(self, seconds: float, by: float = 1.0) -> None:
        """In steps that the agent notices as time that passed normally."""
        if self.task is None:
            self.task = asyncio.create_task(self.contact.keep())
        for _ in range(int(seconds / by)):
            self.seconds += by
            await self.settle()

    async def settle(self) -> None:
        before = self.bus.asked
        for _ in range(1000):
            await asyncio.sleep(0)
            if self.bus.asked >= before + 2:
                return
        raise AssertionError("the agent does not talk to the bus any more")

    async def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})


@pytest.fixture
def story() -> Story:
    return Story()


async def test_while_the_bus_answers_nothing_stands_still(story: Story) -> None:
    await story.pass_(60)
    assert "pause" not in story.holder.did
    assert "check" in story.holder.did
    await story.end()


async def test_silence_stops_everything_once_and_an_answer_judges_it(story: Story) -> None:
    story.bus.down = True
    await story.pass_(SILENCE_SECONDS - 1)
    assert story.holder.did == []
    await story.pass_(10)
    assert story.holder.did == ["pause"]
    story.bus.down = False
    await story.pass_(2)
    assert story.holder.did[:2] == ["pause", "resume"]
    await story.end()


async def test_an_answer_that_breaks_off_lets_nothing_go_on(story: Story) -> None:
    story.bus.down = True
    await story.pass_(SILENCE_SECONDS + 2)
    story.bus.down, story.holder.down = False, True
    await story.pass_(5)
    assert story.holder.did == ["pause"]
    story.holder.down = False
    await story.pass_(2)
    assert story.holder.did[:2] == ["pause", "resume"]
    await story.end()


async def test_an_agent_that_was_frozen_judges_before_anything_goes_on(story: Story) -> None:
    await story.pass_(2)
    story.holder.did.clear()
    await story.pass_(FROZEN_SECONDS + 5, by=FROZEN_SECONDS + 5)
    await story.pass_(2)
    assert "pause" in story.holder.did
    assert "resume" in story.holder.did[story.holder.did.index("pause") :]
    await story.end()


async def test_what_the_watchdog_stopped_is_judged_at_the_next_answer(story: Story) -> None:
    story.contact.suspect("the watchdog stopped them")
    await story.pass_(2)
    assert story.holder.did[0] == "resume"
    await story.end()
