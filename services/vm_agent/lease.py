"""The attempt's subject as its lease: whoever appends second has lost.

Every append expects the place of our last one. A conflict means that the attempt is declared lost: `Fenced`, and
nothing more is ever appended. An outage of the bus is waited out with the same commit id, so that an append whose
answer got lost is stored once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import msgspec

from libs.bus.port import Bus, BusDown, Conflict, Stored, TooLarge
from libs.contracts import ids
from libs.contracts.attempt import AttemptEvent, StepFinished, StepStarted
from libs.contracts.envelope import Commit, commit, decode_commit
from libs.contracts.ids import BootId, Cause, CommitId

RETRY_SECONDS = 0.5
"""Between two tries while the bus is down; each waits for the bus's own deadline too."""


class Fenced(Exception):
    """The attempt is not ours any more: its sandbox must end at once."""


class Lease:
    """One attempt's appends, in order. `first` goes with the first append."""

    def __init__(
        self,
        bus: Bus,
        *,
        subject: str,
        source: str,
        boot_id: BootId,
        cause: Cause,
        actor: str,
        now: Callable[[], datetime],
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._bus, self._subject, self._source = bus, subject, source
        self._boot_id, self._cause, self._actor, self._now = boot_id, cause, actor, now
        self._retry_seconds = retry_seconds
        self._waiting: list[AttemptEvent] = []
        self._seq = 0
        self._appends = 0
        self._order = asyncio.Lock()
        self._trying: CommitId | None = None
        self.held = asyncio.Event()
        """The attempt is ours, and stored as such."""

    @property
    def subject(self) -> str:
        return self._subject

    def add(self, event: AttemptEvent) -> None:
        """It is stored with the next append."""
        self._waiting.append(event)

    async def started(self, event: StepStarted) -> None:
        await self.append(event)

    def finished(self, event: StepFinished) -> None:
        self.add(event)

    async def append(self, *events: AttemptEvent) -> None:
        """What waits and these, as one commit, when it is stored. Raises Fenced.

        An append that has begun goes on though its caller is cancelled: the next one needs to know how it ended.
        """
        appending = asyncio.ensure_future(self._append(events))
        appending.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(appending)

    async def _append(self, events: tuple[AttemptEvent, ...]) -> None:
        async with self._order:
            self._waiting += events
            if self._waiting:
                storing, self._waiting = self._waiting, []
                await self._store(storing)

    def owns(self, last: Stored | None) -> bool:
        """Whether the attempt is still ours, by the last message on its subject."""
        if last is None or last.seq == self._seq:
            return last is not None or self._seq == 0
        return self._trying is not None and decode_commit(last.data).id == self._trying

    async def _store(self, events: list[AttemptEvent]) -> None:
        self._trying = ids.commit_id(self._subject, self._boot_id, self._appends)
        while True:
            try:
                self._seq = await self._bus.append(self._sealed(events), expected=self._seq)
            except BusDown:
                await asyncio.sleep(self._retry_seconds)
            except Conflict as conflict:
                raise Fenced(str(conflict)) from None
            except TooLarge:
                events = _slim(events)
            else:
                break
        self._appends += 1
        self._trying = None
        self.held.set()

    def _sealed(self, events: list[AttemptEvent]) -> Commit:
        assert self._trying is not None
        return commit(
            id=self._trying,
            source=self._source,
            subject=self._subject,
            cause=self._cause,
            now=self._now(),
            events=list[msgspec.Struct](events),
            actor=self._actor,
        )


def _slim(events: list[AttemptEvent]) -> list[AttemptEvent]:
    """Without what is only for reading. Where nothing is left to take away, the bus's error stands."""
    slim: list[AttemptEvent] = [
        msgspec.structs.replace(event, annotations=(), why=event.why[:1000])
        if isinstance(event, StepFinished)
        else event
        for event in events
    ]
    if slim == events:
        raise TooLarge("an attempt's events are over the bus's limit even without annotations")
    return slim
