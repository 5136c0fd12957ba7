"""Writes `ev.advice.>`: what is wanted against what stands, whenever something ended. A thin shell around `deciding`.

Level-triggered, and each append is conditional on the advice that it replaces: killed between anything, or beside
another learner, it gives no advice twice. Only what is live is advised of; a replay changes nothing until it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from libs.bus.port import Bus, BusDown, Conflict, TooLarge
from libs.contracts import envelope, ids, subjects
from libs.contracts.ids import Cause, RepositoryId
from libs.telemetry import log
from libs.views.standing import Standing, standing
from services.learner.advising.deciding import decide
from services.learner.advising.memory import HOSTS, Memory, Touched
from services.learner.advising.seen import Seen

REST_SECONDS = 3.0
"""After advice was given or found to be right, this long nothing more is given to that repository, unless a job to come
depends on it: a matrix ends job by job, and one commit tells of all."""
HOSTS_REST_SECONDS = 60.0
"""A pool that follows every burst would boot machines all the time."""
LOOK_SECONDS = 3600.0
"""Advice changes by time alone too: a flaky job recovers, arrivals grow old, totals are told daily."""
AGAIN_SECONDS = 1.0
"""The bus was away, or somebody else wrote."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Giver:
    def __init__(self, bus: Bus, floor_ms: float, now: Callable[[], datetime] = utc_now) -> None:
        self._bus, self._floor_ms, self._now = bus, floor_ms, now
        self._memory = Memory()
        self._due: dict[int, float] = {}
        """When each is to be looked at, on the loop's clock."""
        self._rested: dict[int, float] = {}
        self._standing: dict[int, Standing] = {}
        self._changed = asyncio.Event()
        self._log = log.get("learner")

    def begin(self, memory: Memory) -> None:
        """The log has been read: from here on what is seen is live. Whatever is not right yet is put right."""
        self._memory = memory
        self._look_at_all()

    def saw(self, seen: Iterable[Seen], position: int) -> None:
        """What the newest batch brought, after it was stored: everything up to that place of the log."""
        touched = self._memory.evolve(seen)
        self._memory.read_to(position)
        for each in touched:
            self._touch(each)

    async def run(self) -> None:
        """Until cancelled."""
        look_at = _clock() + LOOK_SECONDS
        while True:
            self._changed.clear()
            now = _clock()
            if now >= look_at:
                look_at = now + LOOK_SECONDS
                self._look_at_all()
            for repository_id in [each for each, at in self._due.items() if at <= now]:
                del self._due[repository_id]
                await self.give(repository_id)
            wait = min(look_at, *self._due.values()) - _clock() if self._due else look_at - _clock()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wait, 0.0)):
                    await self._changed.wait()

    async def give(self, repository_id: int) -> None:
        """Gives what is wanted, where it is another than what stands."""
        self._rested[repository_id] = _clock() + (HOSTS_REST_SECONDS if repository_id == HOSTS else REST_SECONDS)
        try:
            await self._give(repository_id)
        except (Conflict, BusDown) as error:
            self._standing.pop(repository_id, None)
            self._due[repository_id] = _clock() + AGAIN_SECONDS
            self._log.debug("advice is given again", why=error)
        except TooLarge as error:
            self._log.error("advice is too large for a message, and is not given", why=error, repository=repository_id)

    async def _give(self, repository_id: int) -> None:
        subject = _subject(repository_id)
        known = self._standing.get(repository_id)
        if known is None:
            known = standing(await self._bus.last(subject), self._now())
            self._standing[repository_id] = known
        now = self._now()
        events = decide(self._memory, repository_id, known, now, self._floor_ms)
        if not events:
            return
        position = self._memory.position
        commit = envelope.commit(
            id=ids.commit_id(subject, known.seq, position),
            source="learner",
            subject=subject,
            cause=Cause(f"events-{position}"),
            now=now,
            events=[*events],
        )
        await self._bus.append(commit, expected=known.seq)
        # Not what was sent, but what is stored: its place and its time are the server's.
        self._standing[repository_id] = standing(await self._bus.last(subject), now)

    def _touch(self, touched: Touched) -> None:
        now = _clock()
        at = now if touched.urgent else max(now, self._rested.get(touched.repository_id, now))
        self._due[touched.repository_id] = min(at, self._due.get(touched.repository_id, at))
        self._changed.set()

    def _look_at_all(self) -> None:
        for repository_id in (*self._memory.repositories, HOSTS):
            self._touch(Touched(repository_id, urgent=False))


def _subject(repository_id: int) -> str:
    return subjects.ADVICE_FOR_HOSTS if repository_id == HOSTS else subjects.advice(RepositoryId(repository_id))


def _clock() -> float:
    return asyncio.get_running_loop().time()
