"""Reads a stream from the learner's own place: every message once, in order, never past a hole without explanation.

A place without a message is explained when the stream begins behind it (aged out) or when the bus itself says that
nothing is there (erased). Anything else stops the learner: a projection that lost events would be quietly wrong.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from services.learner.folding.fold import Folded, fold
from services.learner.hopper import Hopper
from services.learner.store.batch import anchor

FILTERS = {subjects.DELIVERIES: ("raw.delivery.*",), subjects.EVENTS: ("ev.>",)}
"""All of each stream: a part would leave holes that nothing explains."""
HOLE_PLACES = 10_000
"""Places of one hole that are asked for one by one; nobody erases more events at once by hand."""
PLAN_MISSING = "RunPlanned (plan's blob is missing)"


class UnexplainedHole(Exception):
    """The stream has messages that were not handed out."""


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
                folded = fold(message)
                if folded.plan is not None:
                    folded = await self._with_plan(message, folded)
                self.hopper.add(stream, message, folded)
                if self.hopper.full:
                    await self.hopper.room()

    async def _with_plan(self, message: Stored, folded: Folded) -> Folded:
        assert folded.plan is not None
        try:
            return fold(message, await self.blobs.get(folded.plan))
        except BlobMissing:
            return Folded(folded.facts, (*folded.skipped, PLAN_MISSING))


async def explain_hole(bus: Bus, stream: str, first: int, behind: int) -> None:
    """Returns where no message is left from `first` up to, not including, `behind`. Raises UnexplainedHole."""
    if (await bus.extent(stream)).first >= behind:
        return
    if behind - first > HOLE_PLACES:
        raise UnexplainedHole(
            f"{stream}: the places {first} to {behind - 1} were not handed out: too many to be erased"
        )
    for place in range(first, behind):
        if await bus.get(stream, place) is not None:
            raise UnexplainedHole(f"{stream}: place {place} was not handed out, and it has a message")


async def is_the_same(bus: Bus, stream: str, anchors: list[tuple[int, str]]) -> bool:
    """Whether the file's positions (newest first) are of this stream, and not of one that had its name before."""
    if not anchors:
        return True
    for place, expected in anchors:
        stored = await bus.get(stream, place)
        if stored is not None:
            return anchor(stored) == expected
    return (await bus.extent(stream)).last >= anchors[0][0]
