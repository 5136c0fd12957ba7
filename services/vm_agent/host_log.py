"""The host's own events, `ev.host.<host_id>`: this boot writes them as long as no other boot has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec

from libs.bus.port import Bus, BusDown, Conflict
from libs.contracts import ids, subjects
from libs.contracts.envelope import commit
from libs.contracts.host import HostEvent
from libs.contracts.ids import BootId, Cause, HostId

RETRY_SECONDS = 0.5
JOIN_TRIES = 5
"""Two boots that start at once may both lose a round; five lost rounds mean a third party that should not be there."""


class TakenOver(Exception):
    """Another agent has joined under this host's name: this one must end."""


class HostLog:
    def __init__(self, bus: Bus, host: HostId, boot_id: BootId, now: Callable[[], datetime]) -> None:
        self._bus, self._host, self._boot_id, self._now = bus, host, boot_id, now
        self._subject = subjects.host(host)
        self._seq = 0
        self._appends = 0
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

    async def append(self, events: list[HostEvent], cause: Cause, actor: str = "") -> None:
        """Waits while the bus is down. Raises TakenOver."""
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
