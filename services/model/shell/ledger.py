"""Reads and writes `ev.model.<repository_id>.<about>`. Each append is conditional on what was read before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from libs.bus.port import Bus, Conflict, Retry, Stored
from libs.contracts import envelope, ids
from libs.contracts.ids import Cause
from libs.contracts.model import ModelEvent

CONFLICT_SECONDS = 1.0
"""Another process of this service was here; by then its append is done."""

_events: msgspec.json.Decoder[ModelEvent] = msgspec.json.Decoder(ModelEvent)


@dataclass(frozen=True, slots=True)
class Page:
    """A subject as it was read: what stands on it, and where it ends."""

    subject: str
    events: tuple[ModelEvent, ...]
    last: int


@dataclass(frozen=True, slots=True)
class Ledger:
    bus: Bus
    now: Callable[[], datetime]

    async def read(self, subject: str) -> Page:
        stored = await self.bus.load(subject)
        return Page(subject, tuple(event for each in stored for event in _of(each)), stored[-1].seq if stored else 0)

    async def append(self, page: Page, cause: Cause, why: str | int, events: Sequence[ModelEvent]) -> None:
        """`why` names the decision: what is decided again for the same reason is one commit. Raises Retry where another
        process wrote in between, BusDown.
        """
        commit = envelope.commit(
            id=ids.commit_id(page.subject, page.last, why),
            source="model",
            subject=page.subject,
            cause=cause,
            now=self.now(),
            events=[*events],
        )
        try:
            await self.bus.append(commit, expected=page.last)
        except Conflict as conflict:
            raise Retry(str(conflict), CONFLICT_SECONDS) from conflict


def _of(stored: Stored) -> list[ModelEvent]:
    """Those that this version knows."""
    events: list[ModelEvent] = []
    for raw in envelope.decode_commit(stored.data).events:
        with contextlib.suppress(msgspec.ValidationError):
            events.append(_events.decode(raw))
    return events
