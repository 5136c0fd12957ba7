"""Compares what the state of every run asks for with what was done, at the start and regularly, and repairs it.

It also makes the loop look at every run again: a queue's deadline passes without an event.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from libs.bus.port import BusDown
from services.scheduler.effects import wanted
from services.scheduler.shell.inbox import Inbox, Look
from services.scheduler.shell.index import Index
from services.scheduler.shell.performer import Performer

EVERY_SECONDS = 30.0
"""How late a repair may be; deadlines that are nearer than this and a margin are armed at once (see the performer)."""


class Reconciler:
    def __init__(self, index: Index, performer: Performer, inbox: Inbox) -> None:
        self._index, self._performer, self._inbox = index, performer, inbox
        self._round = 0

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            with suppress(BusDown):  # the next round repairs more
                await self._repair()
            self._index.groups.look_at_all()
            self._inbox.put(Look())
            await asyncio.sleep(EVERY_SECONDS)

    async def _repair(self) -> None:
        self._round += 1
        for tracked in list(self._index.runs.values()):
            if tracked.run is None or tracked.broken or not tracked.idle or tracked.run.over:
                continue
            for effect in wanted(tracked.run, tracked.origin):
                await self._performer.perform(effect, repair=f"/{self._round}")
