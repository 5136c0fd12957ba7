"""The durable consumers of the active scheduler: effects of stored events, commands, timers. Each acks when it is done.

An effect follows from what is stored, so a crash between a commit and its effect loses nothing: the message was not
acknowledged and comes again.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from itertools import count
from typing import Any

import msgspec

from libs.bus.port import Bus, Consumer, Message, Poison, Stored
from libs.contracts import subjects
from libs.contracts.commands import RunCommand
from libs.contracts.envelope import UnknownEvent
from libs.contracts.run import RunFinished
from libs.contracts.timers import SchedulesDue, Timer
from services.scheduler.effects import Disarm, Effect, effects_of, effects_of_attempt, run_timer
from services.scheduler.shell.decoding import Malformed, attempt_commit, run_commit
from services.scheduler.shell.inbox import Asked, Inbox
from services.scheduler.shell.index import Index
from services.scheduler.shell.performer import Performer
from services.scheduler.shell.schedules import Schedules

CONCURRENCY = 16
"""Effects and commands in hand at once: they wait for the bus, not for each other."""

EFFECTS = Consumer(
    subjects.EVENTS, "scheduler-effects", (subjects.ALL_RUNS, subjects.ALL_ATTEMPTS), concurrency=CONCURRENCY
)
COMMANDS = Consumer(subjects.COMMANDS, "scheduler", (subjects.ALL_RUN_COMMANDS,), concurrency=CONCURRENCY)
TIMERS = Consumer(subjects.TIMERS, "scheduler", (subjects.ALL_DUE,), concurrency=CONCURRENCY)

_commands = msgspec.json.Decoder(RunCommand)
_timers = msgspec.json.Decoder(Timer)


class Reactions:
    def __init__(self, bus: Bus, index: Index, inbox: Inbox, performer: Performer, schedules: Schedules) -> None:
        self._bus, self._index, self._inbox, self._performer = bus, index, inbox, performer
        self._schedules = schedules
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def consumers(self) -> tuple[Coroutine[Any, Any, None], ...]:  # a coroutine's other two types are nobody's concern
        return (
            self._bus.consume(EFFECTS, self._effects),
            self._bus.consume(COMMANDS, self._command),
            self._bus.consume(TIMERS, self._timer),
        )

    def reached(self, position: int) -> None:
        """The log is folded up to there: whoever waits for that goes on."""
        while self._waiting and self._waiting[0][0] <= position:
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    async def _folded(self, seq: int) -> None:
        if seq <= self._index.position:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (seq, next(self._order), future))
        await future

    async def _effects(self, message: Message) -> None:
        await self._folded(message.stored.seq)
        try:
            effects = self._effects_of(message.stored)
        except (UnknownEvent, Malformed):
            return  # the reader said so already, and loudly
        for effect in effects:
            await self._performer.perform(effect)
        if message.stored.subject.startswith("ev.run."):
            address = subjects.parse_run(message.stored.subject)
            await self._schedules.tell(address, run_commit(message.stored).events, message.stored.time)

    def _effects_of(self, stored: Stored) -> list[Effect]:
        if stored.subject.startswith("ev.attempt."):
            address = subjects.parse_attempt(stored.subject)
            tracked = self._index.runs.get(address.run_id)
            run = tracked.run if tracked is not None and not tracked.broken else None
            events = attempt_commit(stored).events
            return [effect for event in events for effect in effects_of_attempt(run, address, event)]
        run_id = subjects.parse_run(stored.subject).run_id
        tracked, events = self._index.runs.get(run_id), run_commit(stored).events
        if tracked is None or tracked.run is None or tracked.broken:
            ends = [event for event in events if isinstance(event, RunFinished)]
            return [Disarm(run_timer(run_id, event.run_attempt)) for event in ends]
        run = tracked.run
        return [effect for event in events for effect in effects_of(run, event, tracked.origin)]

    async def _command(self, message: Message) -> None:
        try:
            command = _commands.decode(message.stored.data)
        except msgspec.DecodeError as error:
            raise Poison(f"no command to a run: {error}") from None
        await self._ask(Asked(command.run_id, command))

    async def _timer(self, message: Message) -> None:
        try:
            timer = _timers.decode(message.stored.data)
        except msgspec.DecodeError as error:
            raise Poison(f"no timer of the scheduler: {error}") from None
        if isinstance(timer, SchedulesDue):
            await self._schedules.look(timer.repository_id)
            return
        await self._ask(Asked(timer.run_id, timer))

    async def _ask(self, asked: Asked) -> None:
        """Returns when what it came to is stored."""
        self._inbox.put(asked)
        refusal = await asked.answered
        if refusal:
            raise Poison(refusal)
