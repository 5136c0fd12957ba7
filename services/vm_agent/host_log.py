"""The host's own events, `ev.host.<host_id>`: this boot writes them as long as no other boot has."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import datetime

import msgspec

from libs.bus.port import Bus, BusDown, Conflict
from libs.contracts import ids, subjects
from libs.contracts.envelope import commit
from libs.contracts.host import HostEvent
from libs.contracts.ids import BootId, Cause, HostId
from libs.telemetry import log

RETRY_SECONDS = 0.5
JOIN_TRIES = 5
"""Two boots that start at once may both lose a round; five lost rounds mean a third party that should not be there."""
BATCH_SECONDS = 0.05
"""What happens in this time becomes one commit: jobs that end together are one write."""
BATCH_EVENTS = 100
"""Far below what a message of the bus may hold."""
WAITING_EVENTS = 10_000
"""While the bus is down no job begins, so that little happens; beyond this, the oldest are lost, and said to be."""

logger = log.get("agent")


class TakenOver(Exception):
    """Another agent has joined under this host's name: this one must end."""


class HostLog:
    def __init__(self, bus: Bus, host: HostId, boot_id: BootId, now: Callable[[], datetime]) -> None:
        self._bus, self._host, self._boot_id, self._now = bus, host, boot_id, now
        self._subject = subjects.host(host)
        self._seq = 0
        self._appends = 0
        self._waiting: list[tuple[Cause, HostEvent]] = []
        self._noted = asyncio.Event()
        self._order = asyncio.Lock()
        self._taken_over = asyncio.Event()

    async def join(self, events: list[HostEvent]) -> None:
        """The first commit of this boot, behind whatever an older boot said. Raises TakenOver, BusDown."""
        for _ in range(JOIN_TRIES):
            last = await self._bus.last(self._subject)
            self._seq = 0 if last is None else last.seq
            try:
                await self._append(events, Cause(self._boot_id), "")
            except Conflict:
                continue
            return
        raise TakenOver(f"host {self._host}: others join under this name all the time")

    def add(self, event: HostEvent, cause: Cause | None = None) -> None:
        """It is stored soon, with what else there is by then; nobody waits for it."""
        self._waiting.append((cause or Cause(self._boot_id), event))
        if len(self._waiting) > WAITING_EVENTS:
            _, dropped = self._waiting.pop(0)
            logger.error("host event dropped", what=dropped, why=f"{WAITING_EVENTS} wait for the bus")
        self._noted.set()

    async def write(self) -> None:
        """Until cancelled, stores what is added. Raises TakenOver."""
        while True:
            await self._noted.wait()
            await asyncio.sleep(BATCH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Returns when what was added is stored. Raises TakenOver."""
        self._noted.clear()
        while self._waiting:
            cause, group = next(itertools.groupby(self._waiting[:BATCH_EVENTS], key=lambda one: one[0]))
            batch = [event for _, event in group]
            del self._waiting[: len(batch)]
            await self.append(batch, cause)

    async def append(self, events: list[HostEvent], cause: Cause, actor: str = "") -> None:
        """Waits while the bus is down. Raises TakenOver.

        An append that has begun goes on though its caller is cancelled: the next one needs to know how it ended.
        """
        appending = asyncio.ensure_future(self._append_surely(events, cause, actor))
        appending.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(appending)

    async def _append_surely(self, events: list[HostEvent], cause: Cause, actor: str) -> None:
        while True:
            try:
                await self._append(events, cause, actor)
            except BusDown:
                await asyncio.sleep(RETRY_SECONDS)
            except Conflict as conflict:
                self._taken_over.set()
                raise TakenOver(f"another agent runs as host {self._host}: {conflict}") from None
            else:
                return

    async def check(self) -> None:
        """Notices that another boot has written. Raises BusDown."""
        async with self._order:
            last = await self._bus.last(self._subject)
            if last is not None and last.seq != self._seq:
                self._taken_over.set()

    async def until_taken_over(self) -> None:
        """Raises TakenOver when it is known, whoever found out."""
        await self._taken_over.wait()
        raise TakenOver(f"another agent runs as host {self._host}")

    async def _append(self, events: list[HostEvent], cause: Cause, actor: str) -> None:
        async with self._order:
            sealed = commit(
                id=ids.commit_id(self._subject, self._boot_id, self._appends),
                source=f"agent/{self._host}",
                subject=self._subject,
                cause=cause,
                now=self._now(),
                events=list[msgspec.Struct](events),
                actor=actor,
            )
            self._seq = await self._bus.append(sealed, expected=self._seq)
            self._appends += 1
