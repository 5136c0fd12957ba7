"""Which days come from the archive, and where the stream takes over: without a hole, or at least not in silence."""

from __future__ import annotations

from collections.abc import Callable

from libs.bus.port import Bus
from libs.telemetry import log
from services.learner.archive.day import Day
from services.learner.archive.identity import own_days
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.thread import in_thread

_log = log.get("learner")
Lost = Callable[[Damaged], None]
"""Is told what neither the archive nor the stream has: it raises, or lets it be left out."""


async def archived_days(bus: Bus, shelf: Shelf, stream: str, position: int, lost: Lost) -> list[Day]:
    """The days behind `position` that are whole, in order; behind them the stream goes on. Raises Damaged where a
    manifest cannot be read, and what `lost` raises.
    """
    chosen: list[Day] = []
    first = (await bus.extent(stream)).first
    for day in await own_days(bus, shelf, stream):
        if day.last <= position:
            continue
        missing = _missing(shelf, stream, position, day.after)
        damage = await in_thread(_damage, shelf, day)
        if (missing or damage) and first <= position + 1:
            _log.error("the archive is damaged; the stream still has this and what follows", why=missing or damage)
            return chosen
        if missing is not None:
            lost(missing)
        if damage is None:
            chosen.append(day)
        else:
            lost(damage)
        position = day.last
    missing = _missing(shelf, stream, position, first - 1)
    if chosen and missing is not None:
        lost(missing)
    return chosen


def _missing(shelf: Shelf, stream: str, position: int, up_to: int) -> Damaged | None:
    if up_to <= position:
        return None
    return Damaged(f"{shelf.folder}: no day has the places {position + 1} to {up_to} of {stream}")


def _damage(shelf: Shelf, day: Day) -> Damaged | None:
    try:
        shelf.check(day)
    except Damaged as error:
        return error
    return None
