"""An agent on the in-memory bus, with the real host driver; orders go in, stored events come out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory.bus import MemoryBus
from libs.contracts import ids, subjects
from libs.contracts.attempt import AttemptEvent, AttemptFinished, AttemptLost, AttemptRefused
from libs.contracts.envelope import commit, decode_commit, encode, utc
from libs.contracts.host import HostEvent
from libs.contracts.ids import Cause, HostId, JobKey, RunId
from libs.contracts.orders import CancelOrder, JobOrder
from libs.contracts.run import CancelReason
from libs.contracts.subjects import RunAddress
from libs.process import Process
from libs.settings import read_settings
from services.vm_agent.__main__ import Options, serve
from services.vm_agent.sandbox.host import HostDriver
from tests.e2e.vm_agent.harness import PATIENCE, NoSources, order

HOST = HostId("h1")
DEADLINE_SECONDS = 20.0


def address(n: int = 1, job: str = "build") -> str:
    return subjects.attempt(HOST, RunAddress("octo", "demo", RunId(42)), JobKey(job), n)


@dataclass
class Running:
    """A running agent and the bus that it is on."""

    bus: MemoryBus
    blobs: MemoryBlobs
    folder: Path
    task: asyncio.Task[None] = field(init=False)
    given: int = 0

    async def give(self, given: JobOrder) -> None:
        self.given += 1
        await self.bus.enqueue(subjects.doorbell(HOST), encode(given), message_id=f"{given.attempt}/{self.given}")

    async def cancel(self, attempt: str, reason: CancelReason = "cancelled") -> None:
        await self.bus.enqueue(
            subjects.doorbell(HOST), encode(CancelOrder(attempt, reason)), message_id=f"{attempt}/stop/{reason}"
        )

    async def commits(self, subject: str) -> list[list[AttemptEvent]]:
        stored = [decode_commit(message.data) for message in await self.bus.load(subject)]
        return [[msgspec.json.decode(event, type=AttemptEvent) for event in one.events] for one in stored]

    async def events(self, subject: str) -> list[AttemptEvent]:
        return [event for one in await self.commits(subject) for event in one]

    async def host_events(self) -> list[HostEvent]:
        stored = [decode_commit(message.data) for message in await self.bus.load(subjects.host(HOST))]
        return [msgspec.json.decode(event, type=HostEvent) for one in stored for event in one.events]

    async def until(self, subject: str, holds: Callable[[list[AttemptEvent]], bool]) -> list[AttemptEvent]:
        """The attempt's events, as soon as they are so."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for _ in self.bus.tail(subjects.EVENTS, (subject,), 0):
                events = await self.events(subject)
                if holds(events):
                    return events
        raise AssertionError("the tail ended")

    async def ended(self, subject: str) -> list[AttemptEvent]:
        return await self.until(
            subject, lambda events: any(isinstance(event, AttemptFinished | AttemptRefused) for event in events)
        )

    async def lose(self, subject: str) -> None:
        """What the scheduler does to an attempt that it believes dead."""
        last = await self.bus.last(subject)
        sealed = commit(
            id=ids.commit_id(subject, "lost"),
            source="scheduler",
            subject=subject,
            cause=Cause("lost"),
            now=utc(0),
            events=[AttemptLost("silent")],
        )
        await self.bus.append(sealed, expected=0 if last is None else last.seq)

    def sandboxes(self) -> list[Path]:
        folder = self.folder / "home" / "agent" / HOST / "sandboxes"
        return list(folder.iterdir()) if folder.exists() else []

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=DEADLINE_SECONDS)


@asynccontextmanager
async def agent(
    folder: Path,
    *,
    slots: int = 2,
    bus: MemoryBus | None = None,
    settings: Mapping[str, str] = {},
    **options: object,
) -> AsyncIterator[Running]:
    read = read_settings(
        {
            "FIREBREAK_HOME": str(folder / "home"),
            "FIREBREAK_HOST_ID": HOST,
            "FIREBREAK_DRIVER": "host",
            "MAX_CONCURRENT_WORKFLOWS": str(slots),
            **settings,
        }
    )
    running = Running(bus or MemoryBus(), MemoryBlobs(), folder)
    driver = HostDriver(folder / "home" / "agent" / HOST / "sandboxes")
    given = {"driver": driver, "sources": NoSources(), "seals": False, "watched": False, "patience": PATIENCE}
    chosen = Options(**{**given, **options})  # pyright: ignore[reportArgumentType]
    running.task = asyncio.create_task(serve(Process(read, running.bus, running.blobs), chosen))
    try:
        yield running
    finally:
        await running.stop()


def job(*steps: dict[str, object], n: int = 1, **fields: object) -> JobOrder:
    return order(*steps, **{"attempt": address(n), "n": n, **fields})


def now() -> datetime:
    return datetime.now(UTC)
