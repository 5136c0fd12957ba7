"""What the scheduler's loop has to look at: everything that arrived since it last looked, in order.

The loop takes all of it at once, so that one decision follows from many events; nothing waits for more to come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

import msgspec

from libs.bus.port import CaughtUp, Stored
from libs.contracts.commands import RunCommand
from libs.contracts.environments import Environments
from libs.contracts.host import Heartbeat
from libs.contracts.ids import RunId
from libs.contracts.timers import RunTimer

MAX_ITEMS = 10_000
"""So many messages wait in memory at most; then the tail is read no further until they are folded."""


class Settled(msgspec.Struct, frozen=True):
    """An append is over. `place` is where the run's subject is now: ours was stored there, or somebody else's was."""

    run_id: RunId
    place: int
    failed: str = ""


class Look(msgspec.Struct, frozen=True):
    """Look at this run, or at all of them, although nothing happened: time passed, or we became the active one."""

    run_id: RunId | None = None


@dataclass(eq=False, slots=True)
class Asked:
    """A command or a timer. `answered` is set when what it came to is stored, or when it came to nothing."""

    run_id: RunId
    what: RunCommand | RunTimer
    answered: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def answer(self, word: str) -> None:
        if not self.answered.done():
            self.answered.set_result(word)


class GroupSettled(msgspec.Struct, frozen=True):
    """An append to a concurrency group is over; the group's subject is at `place` now."""

    subject: str
    place: int


class GroupFound(msgspec.Struct, frozen=True):
    """The last word of a concurrency group that was looked up."""

    subject: str
    stored: Stored | None


class EnvironmentsRead(msgspec.Struct, frozen=True):
    """What a run's repository says of its environments."""

    run_id: RunId
    environments: Environments


Item = Stored | CaughtUp | Heartbeat | Settled | Look | Asked | GroupSettled | GroupFound | EnvironmentsRead


class Inbox:
    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._some = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, item: Item) -> None:
        self._items.append(item)
        self._some.set()
        if len(self._items) >= MAX_ITEMS:
            self._room.clear()

    async def room(self) -> None:
        await self._room.wait()

    async def take(self) -> list[Item]:
        """All that is there; waits for something."""
        await self._some.wait()
        items = list(self._items)
        self._items.clear()
        self._some.clear()
        self._room.set()
        return items
