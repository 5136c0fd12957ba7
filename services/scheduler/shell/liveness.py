"""Listening for heartbeats, and judging silence only where there was listening.

A scheduler that had no bus, was frozen, or has only just begun, has heard nothing and so knows nothing: it waits a
whole lease before it declares anything lost.
"""

from __future__ import annotations

import asyncio

import msgspec

from libs.bus.port import Bus, BusDown
from libs.contracts import subjects
from libs.contracts.host import Heartbeat
from libs.contracts.ids import HostId
from libs.contracts.subjects import AttemptAddress
from services.scheduler.leases import Clock, Held, Lost, held, lost, silent
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.inbox import Inbox
from services.scheduler.shell.index import Index, Tracked

SWEEP_SECONDS = 1.0
"""How often silence is judged: a tenth of the shortest lease."""
FROZEN_SECONDS = 5.0
"""A sweep that comes this much too late means that this process did not run, and so did not listen."""

_beats = msgspec.json.Decoder(Heartbeat)


class Liveness:
    """`heard` is shared with the reader, which notes hosts that joined."""

    def __init__(self, bus: Bus, index: Index, inbox: Inbox, clocks: Clocks) -> None:
        self._bus, self._index, self._inbox, self._clocks = bus, index, inbox, clocks
        self.heard: dict[HostId, float] = {}
        self._assigned: dict[AttemptAddress, float] = {}
        self._listening_since: float | None = None
        self._swept = clocks.monotonic()

    async def listen(self) -> None:
        """Until cancelled."""
        async for _, data in self._bus.subscribe(subjects.ALL_HEARTBEATS):
            try:
                self._inbox.put(_beats.decode(data))
            except msgspec.DecodeError:
                continue  # core NATS is open to whoever is on the bus; what is no heartbeat says nothing

    async def keep_asking(self) -> None:
        """Until cancelled: without an answer from the bus nobody's silence counts."""
        while True:
            try:
                await self._bus.round_trip()
            except BusDown:
                self._listening_since = None
            else:
                if self._listening_since is None:
                    self._listening_since = self._clocks.monotonic()
            await asyncio.sleep(SWEEP_SECONDS)

    def hear(self, beat: Heartbeat) -> None:
        self.heard[beat.host] = self._clocks.monotonic()

    def silent(self) -> frozenset[HostId]:
        """Hosts that get nothing new. Nobody is judged while nobody is listened to."""
        return silent(self._index.fleet, self._clock(self._listening_since or self._clocks.monotonic()))

    def sweep(self) -> list[tuple[Tracked, Lost]]:
        """The attempts that are lost by now."""
        now = self._clocks.monotonic()
        if now - self._swept > SWEEP_SECONDS + FROZEN_SECONDS and self._listening_since is not None:
            self._listening_since = now
        self._swept = now
        owners, attempts = self._attempts(now)
        if self._listening_since is None:
            return []
        found = lost(attempts, self._index.fleet, self._clock(self._listening_since))
        return [(owners[each.address], each) for each in found]

    def _attempts(self, now: float) -> tuple[dict[AttemptAddress, Tracked], list[Held]]:
        owners: dict[AttemptAddress, Tracked] = {}
        attempts: list[Held] = []
        for tracked in self._index.held():
            if tracked.run is None or tracked.broken:
                continue
            for attempt in held(tracked.run, tracked.address.owner, tracked.address.repo):
                owners[attempt.address] = tracked
                attempts.append(attempt)
        self._assigned = {
            each.address: self._assigned.get(each.address, now) for each in attempts if each.boot_id is None
        }
        return owners, attempts

    def _clock(self, since: float) -> Clock:
        return Clock(self._clocks.monotonic(), self._clocks.now(), since, self.heard, self._assigned)
