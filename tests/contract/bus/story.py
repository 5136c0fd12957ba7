"""The words in which the contract is told: commits, readers that collect, and waiting until something holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import msgspec

from libs.bus.port import Bus, CaughtUp, Consumer, Handler, Message, Stored
from libs.contracts.envelope import Commit
from libs.contracts.ids import Cause, CommitId

PATIENCE_SECONDS = 15.0
"""Far more than anything takes; a test that waits so long has failed."""
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def commit(subject: str, id: str, text: str = "") -> Commit:
    event = msgspec.Raw(msgspec.json.encode({"type": "Said", "text": text}))
    return Commit(id=CommitId(id), source="test", subject=subject, time=NOON, cause=Cause("cause"), events=(event,))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():
            await asyncio.sleep(0.002)


class Collected:
    """A handler that remembers; what it does first is up to the test."""

    def __init__(self, first: Handler | None = None) -> None:
        self.messages: list[Message] = []
        self._first = first

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if self._first is not None:
            await self._first(message)

    @property
    def seqs(self) -> list[int]:
        return [message.stored.seq for message in self.messages]

    @property
    def subjects(self) -> list[str]:
        return [message.stored.subject for message in self.messages]

    @property
    def attempts(self) -> list[int]:
        return [message.attempt for message in self.messages]


@asynccontextmanager
async def consuming(bus: Bus, consumer: Consumer, handler: Handler) -> AsyncIterator[None]:
    """Somebody consumes while the block runs."""
    task = asyncio.create_task(bus.consume(consumer, handler))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def everything(tail: AsyncGenerator[Stored | CaughtUp]) -> tuple[list[Stored], CaughtUp | None]:
    """What a tail that does not follow hands out."""
    messages: list[Stored] = []
    caught_up: CaughtUp | None = None
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for item in tail:
            if isinstance(item, CaughtUp):
                caught_up = item
            else:
                messages.append(item)
    return messages, caught_up


class Tailing:
    """A tail read in the background."""

    def __init__(self, tail: AsyncGenerator[Stored | CaughtUp], pause_seconds: float = 0.0) -> None:
        self.items: list[Stored | CaughtUp] = []
        self._pause_seconds = pause_seconds
        self._tail = tail
        self._task = asyncio.create_task(self._read())

    @property
    def seqs(self) -> list[int]:
        return [item.seq for item in self.items if isinstance(item, Stored)]

    @property
    def caught_up(self) -> bool:
        return any(isinstance(item, CaughtUp) for item in self.items)

    async def stop(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._tail.aclose()

    async def _read(self) -> None:
        async for item in self._tail:
            self.items.append(item)
            if self._pause_seconds:
                await asyncio.sleep(self._pause_seconds)
