"""Reads a stream from the learner's own place: every message once, in order, never past a hole without explanation."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from libs.blobs.port import Blobs
from libs.bus.port import Bus, CaughtUp
from libs.contracts import subjects
from services.learner.anchor import anchor
from services.learner.holes import explain_hole
from services.learner.hopper import Hopper
from services.learner.plans import fold_with_plan

FILTERS = {subjects.DELIVERIES: ("raw.delivery.*",), subjects.EVENTS: ("ev.>",)}
"""All of each stream: a part would leave holes that nothing explains."""


@dataclass(frozen=True, slots=True)
class Reader:
    bus: Bus
    blobs: Blobs
    hopper: Hopper

    async def read(self, stream: str, after: int) -> None:
        """Until cancelled. Raises UnexplainedHole, BusDown."""
        position = after
        async with aclosing(self.bus.tail(stream, FILTERS[stream], after)) as messages:
            async for message in messages:
                if isinstance(message, CaughtUp):
                    self.hopper.caught_up(stream)
                    continue
                if message.seq <= position:
                    continue
                if message.seq != position + 1:
                    await explain_hole(self.bus, stream, position + 1, message.seq)
                position = message.seq
                if self.hopper.add(stream, message, await fold_with_plan(message, self.blobs)):
                    await self.hopper.room()


async def is_the_same(bus: Bus, stream: str, anchors: list[tuple[int, str]]) -> bool:
    """Whether the file's positions (newest first) are of this stream, and not of one that had its name before."""
    if not anchors:
        return True
    for place, expected in anchors:
        stored = await bus.get(stream, place)
        if stored is not None:
            return anchor(stored) == expected
    return (await bus.extent(stream)).last >= anchors[0][0]
