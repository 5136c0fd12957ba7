"""The agent's contact with the bus, and what follows when it is lost: sandboxes stand still until it is known whose the
attempts are.

A scheduler declares an attempt lost after 30 s of silence, and another host runs it then. So an agent without a round
trip for 18 s, or one that was itself frozen, stops its sandboxes; when the bus answers again, each attempt's subject
says whether it goes on or ends. A watchdog process does the stopping where the agent cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from libs.bus.port import Bus, BusDown
from libs.telemetry import log

SILENCE_SECONDS = 18.0
"""Stopping takes a moment, and all must stand still within 20 s."""
FROZEN_SECONDS = 15.0
"""A second that took so long: the watchdog has stopped the sandboxes meanwhile."""
CHECK_SECONDS = 15.0
"""How often each attempt's subject is looked at while all is well: an attempt may be lost for other reasons."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """How often is looked: at the own clock, and at the bus; `patience_seconds` is the longest wait for one answer."""

    beat_seconds: float = 1.0
    round_trip_seconds: float = 2.0
    patience_seconds: float = 2.0


TEMPO = Tempo()
logger = log.get("agent")


class Holder(Protocol):
    """Who has the sandboxes."""

    async def pause_all(self) -> None: ...
    async def judge(self, *, resume: bool) -> None:
        """Ends what is fenced; `resume`: lets the others go on. Raises BusDown."""
        ...


class Contact:
    def __init__(self, bus: Bus, holder: Holder, clock: Callable[[], float], tempo: Tempo = TEMPO) -> None:
        self._bus, self._holder, self._clock, self._tempo = bus, holder, clock, tempo
        self._heard = self._checked = clock()
        self._standing_still = False

    async def keep(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tick())
            tasks.create_task(self._talk())

    def suspect(self, why: str) -> None:
        """Somebody else has stopped the sandboxes: each attempt is judged at the next answer of the bus."""
        logger.warning("sandboxes paused", why=why)
        self._standing_still = True

    async def _tick(self) -> None:
        last = self._clock()
        while True:
            await asyncio.sleep(self._tempo.beat_seconds)
            now = self._clock()
            if now - last > FROZEN_SECONDS:
                await self._stand_still(f"the agent stood still for {now - last:.0f} s")
            elif now - self._heard > SILENCE_SECONDS:
                await self._stand_still(f"no answer from the bus for {now - self._heard:.0f} s")
            last = self._clock()

    async def _stand_still(self, why: str) -> None:
        if not self._standing_still:
            self._standing_still = True
            logger.warning("sandboxes paused", why=why)
            await self._holder.pause_all()

    async def _talk(self) -> None:
        while True:
            try:
                # Not `wait_for`: in Python 3.11 it loses a cancellation that comes together with the answer.
                async with asyncio.timeout(self._tempo.patience_seconds):
                    await self._bus.round_trip()
                await self._answered()
            except (BusDown, TimeoutError):
                pass
            await asyncio.sleep(self._tempo.round_trip_seconds)

    async def _answered(self) -> None:
        """Raises BusDown: then nothing is known yet, and what stands still keeps standing."""
        now = self._clock()
        was_standing = self._standing_still
        if was_standing or now - self._checked >= CHECK_SECONDS:
            await self._holder.judge(resume=was_standing)
            self._checked = now
        if was_standing:
            logger.info("sandboxes judged", note="attempts that are still ours go on")
        self._standing_still = False
        self._heard = self._clock()
