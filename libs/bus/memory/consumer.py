"""A durable consumer in memory: what is in hand, what waits to be handed out again, and the workers that handle.

Time is the event loop's. A message in hand that is not finished within `ack_wait_seconds` is handed out again, also to
another process's twin: any number of `consume` calls share one ledger.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass

from libs.bus import policy
from libs.bus.handling import handle
from libs.bus.matching import Matcher
from libs.bus.memory.stream import MemoryStream
from libs.bus.port import Consumer, Handler, Stored
from libs.telemetry import log

BREATH_MESSAGES = 16
"""After so many handlings without a pause the other tasks of the loop get their turn."""

Bury = Callable[[Stored, Consumer, str, int], None]
"""Stores a dead letter: the message, its consumer, the reason, the attempt."""


@dataclass(slots=True)
class _Pending:
    """Handed out or waiting to be; `due` is when it may be handed out (again)."""

    stored: Stored
    attempt: int
    due: float


class Ledger:
    """The consumer's state, shared by all who consume under its name."""

    def __init__(self, stream: MemoryStream, consumer: Consumer) -> None:
        self.stream = stream
        self.consumer = consumer
        self._matcher = Matcher(consumer.filters)
        self._place = stream.last_seq if consumer.from_now else 0
        self._pending: dict[int, _Pending] = {}
        self._due: list[tuple[float, int]] = []

    def take(self, now: float) -> MemoryMessage | None:
        """The next message to handle: what is due again first, then what is new."""
        again = self._take_due(now)
        if again is not None:
            return MemoryMessage(again.stored, again.attempt, self)
        for stored in self.stream.behind(self._place):
            self._place = stored.seq
            if self._matcher(stored.subject):
                self._pending[stored.seq] = _Pending(stored, 1, 0.0)
                self.put_off(stored.seq, now + self.consumer.ack_wait_seconds)
                return MemoryMessage(stored, 1, self)
        self._place = max(self._place, self.stream.last_seq)
        return None

    def next_due(self) -> float | None:
        """When a message may be handed out again at the earliest."""
        while self._due and not self._is_current(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def put_off(self, seq: int, due: float, *, uncounted: bool = False) -> None:
        """Not to be handed out before `due`. What is finished stays finished."""
        pending = self._pending.get(seq)
        if pending is None:
            return
        pending.due = due
        pending.attempt -= uncounted
        heapq.heappush(self._due, (due, seq))
        self.stream.wake()

    def finish(self, seq: int) -> None:
        """Acknowledged; from a work queue it is gone."""
        self._pending.pop(seq, None)
        if self.stream.spec.queue:
            self.stream.remove(seq)

    def _take_due(self, now: float) -> _Pending | None:
        due = self.next_due()
        if due is None or due > now:
            return None
        _, seq = heapq.heappop(self._due)
        pending = self._pending[seq]
        pending.attempt += 1
        self.put_off(seq, now + self.consumer.ack_wait_seconds)
        return pending

    def _is_current(self, due: float, seq: int) -> bool:
        pending = self._pending.get(seq)
        return pending is not None and pending.due == due


@dataclass(frozen=True, slots=True)
class MemoryMessage:
    stored: Stored
    attempt: int
    ledger: Ledger

    async def in_progress(self) -> None:
        now = asyncio.get_running_loop().time()
        self.ledger.put_off(self.stored.seq, now + self.ledger.consumer.ack_wait_seconds)


class Workers:
    """One `consume` call: `concurrency` workers over the shared ledger."""

    def __init__(self, ledger: Ledger, consumer: Consumer, handler: Handler, bury: Bury) -> None:
        self._ledger, self._consumer, self._handler, self._bury = ledger, consumer, handler, bury
        self._logger = log.get("bus")

    async def run(self) -> None:
        """Until cancelled."""
        if self._consumer.concurrency == 1:
            await self._work()
        async with asyncio.TaskGroup() as group:
            for _ in range(self._consumer.concurrency):
                group.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        handled = 0
        while True:
            message = self._ledger.take(loop.time())
            if message is None:
                due = self._ledger.next_due()
                await self._ledger.stream.changed(None if due is None else due - loop.time())
                continue
            await self._handle(message, loop)
            handled += 1
            if handled % BREATH_MESSAGES == 0:
                await asyncio.sleep(0)

    async def _handle(self, message: MemoryMessage, loop: asyncio.AbstractEventLoop) -> None:
        seq = message.stored.seq
        try:
            outcome = await handle(message, self._handler, self._consumer, self._logger)
        except asyncio.CancelledError:
            self._ledger.put_off(seq, loop.time())
            raise
        match outcome:
            case policy.Done():
                self._ledger.finish(seq)
            case policy.Again(pause_seconds, _):
                self._ledger.put_off(seq, loop.time() + pause_seconds)
            case policy.Later(pause_seconds):
                self._ledger.put_off(seq, loop.time() + pause_seconds, uncounted=True)
            case policy.Dead(reason):
                self._bury(message.stored, self._consumer, reason, message.attempt)
                self._ledger.finish(seq)
