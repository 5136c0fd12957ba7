"""Which archived days are of the stream that is there now: one that was made anew, or put back from an old copy, has
other messages at the same places.
"""

from __future__ import annotations

from libs.bus.port import Bus
from libs.telemetry import log
from services.learner.anchor import anchor
from services.learner.archive.day import Day
from services.learner.archive.shelf import Shelf

_log = log.get("learner")


async def own_days(bus: Bus, shelf: Shelf, stream: str) -> list[Day]:
    """The archived days of this stream, in order; those of another one are set apart first. Raises Damaged, BusDown."""
    days = shelf.days(stream)
    others = await foreign(bus, stream, days)
    if others:
        target = shelf.set_apart(others)
        _log.error(
            "archived days are of another stream that had this name; they are kept apart",
            stream=stream,
            days=len(others),
            folder=target,
        )
    return days[: len(days) - len(others)]


async def foreign(bus: Bus, stream: str, days: list[Day]) -> list[Day]:
    """The newest days of `days` (in order) that are of another stream. A day whose messages the stream has dropped is
    taken for one of its own where the stream has come beyond it.
    """
    extent = await bus.extent(stream)
    for count in range(len(days), 0, -1):
        day = days[count - 1]
        if day.last <= extent.last and await _is_of(bus, day):
            return days[count:]
    return days


async def _is_of(bus: Bus, day: Day) -> bool:
    for place, expected in ((day.last, day.last_anchor), (day.first, day.first_anchor)):
        stored = await bus.get(day.stream, place)
        if stored is not None:
            return anchor(stored) == expected
    return True
