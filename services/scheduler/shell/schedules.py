"""Keeps time for `on.schedule`, and tells the parser of runs that workflows follow. Does what `schedules` says.

The declarations are read from the log by every scheduler, acted upon by the active one. A timer of the bus wakes it
when the next line is due; every half minute, and at every start, it looks by itself: a lost timer loses nothing.
Sending is harmless when repeated: the parser ends an intake once, and its name is the command's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from datetime import datetime

import msgspec

from libs.bus.port import Bus, BusDown, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.commands import TriggerFollowers, TriggerSchedule
from libs.contracts.envelope import decode_commit, encode
from libs.contracts.ids import CommandId, RepositoryId, RunId
from libs.contracts.run import RunEvent, RunPlanned
from libs.contracts.schedules import SchedulesDeclared
from libs.contracts.subjects import RunAddress
from libs.contracts.timers import SchedulesDue
from libs.telemetry import log
from services.scheduler.schedules import Standing, address_of, due, evolve, followers, next_due
from services.scheduler.shell.clock import Clocks

LOOK_SECONDS = 30.0
REMEMBERED = 10_000
"""Commands that this process has sent, or has seen answered; whoever is forgotten is looked up in the log again."""


class Schedules:
    def __init__(self, bus: Bus, clocks: Clocks) -> None:
        self._bus, self._clocks = bus, clocks
        self._standings: dict[RepositoryId, Standing] = {}
        self._ids: dict[tuple[str, str], RepositoryId] = {}
        """By owner and name, as they are in the subjects of runs."""
        self._sent: dict[CommandId, None] = {}
        self._names: dict[RunId, str] = {}
        """Of the workflows of runs, as far as their plans went by: what nobody waits for is not sent."""
        self._next: dict[RepositoryId, datetime | None] = {}
        """When to look again, and until then there is nothing to do; a timer is armed for it."""
        self._changed = asyncio.Event()
        self._read = asyncio.Event()
        self._log = log.get("scheduler")

    async def listen(self) -> None:
        """Until cancelled: reads what is declared, from the first declaration on; there are few."""
        async with aclosing(self._bus.tail(subjects.EVENTS, (subjects.ALL_SCHEDULES,), 0)) as messages:
            async for message in messages:
                if isinstance(message, CaughtUp):
                    self._read.set()
                else:
                    self._fold(message)
                self._changed.set()

    async def keep(self) -> None:
        """Until cancelled, while active: sends what is due and arms a timer for what is next."""
        await self._read.wait()
        self._next.clear()
        while True:
            self._changed.clear()
            with contextlib.suppress(BusDown):  # it is looked at again when the bus is back
                for repository_id in list(self._standings):
                    await self.look(repository_id)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def look(self, repository_id: RepositoryId) -> None:
        """Also when a timer says so. Raises BusDown."""
        standing = self._standings.get(repository_id)
        if standing is None:
            return
        now = self._clocks.now()
        if repository_id in self._next:
            following = self._next[repository_id]
            if following is None or now < following:
                return
        for command in due(standing, now):
            await self._send(command)
        if self._standings.get(repository_id) is not standing:
            return  # it was declared anew meanwhile, and is looked at again at once
        following = next_due(standing, now)
        if following is not None:
            await self._bus.arm(f"schedules.{repository_id}", following, encode(SchedulesDue(repository_id)))
        self._next[repository_id] = following

    async def tell(self, address: RunAddress, events: Sequence[RunEvent], at: datetime) -> None:
        """Sends what follows from stored events of a run. Raises BusDown."""
        await self._read.wait()
        repository_id = self._ids.get((address.owner, address.repo))
        if repository_id is None:
            return
        self._name(address.run_id, events)
        name = self._names.get(address.run_id, "")
        for command in followers(self._standings[repository_id], address, events, at, name):
            await self._send(command)

    def _name(self, run_id: RunId, events: Iterable[RunEvent]) -> None:
        for event in events:
            if isinstance(event, RunPlanned) and event.plan is not None:
                self._names[run_id] = event.plan.workflow_name
        if len(self._names) > REMEMBERED:
            del self._names[next(iter(self._names))]

    def _fold(self, stored: Stored) -> None:
        """What a newer parser wrote and this scheduler cannot read leaves things as they were."""
        try:
            for raw in decode_commit(stored.data).events:
                event = msgspec.json.decode(raw, type=SchedulesDeclared)
                before = self._standings.get(event.repository.id)
                self._standings[event.repository.id] = evolve(before, event, stored.time)
                self._ids[address_of(event.repository)] = event.repository.id
                self._next.pop(event.repository.id, None)
        except msgspec.DecodeError as error:
            self._log.error("a declaration of schedules cannot be read", subject=stored.subject, why=error)

    async def _send(self, command: TriggerSchedule | TriggerFollowers) -> None:
        if command.id in self._sent:
            return
        if await self._bus.last(subjects.intake(command.id)) is None:
            subject = subjects.trigger_command(command.repository.id)
            await self._bus.enqueue(subject, encode(command), message_id=command.id)
        self._sent[command.id] = None
        if len(self._sent) > REMEMBERED:
            del self._sent[next(iter(self._sent))]
