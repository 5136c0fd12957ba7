"""Appends decisions: the run's under its last known place, an attempt's loss under the attempt's.

A commit's id is made of its place and its content: the same decision twice is stored once, and another scheduler's
different one is a conflict, never taken for ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from libs.bus.port import Bus, BusDown, Conflict
from libs.contracts import envelope, subjects
from libs.contracts.attempt import AttemptLost
from libs.contracts.envelope import Commit
from libs.contracts.ids import Cause, commit_id
from libs.contracts.run import RunEvent
from libs.telemetry import log, trace
from services.scheduler.leases import Lost
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.groups import GroupDraft
from services.scheduler.shell.index import Tracked

SOURCE = "scheduler"
MAX_COMMIT_BYTES = 512 * 1024
"""Half of what the bus takes in one message; what does not fit follows in the next commit."""
RETRY_SECONDS = 0.5
"""Between two attempts to store a decision while the bus is down: its return is noticed at once, and costs nothing."""

_encoder = msgspec.json.Encoder()


def fitting(events: Sequence[RunEvent]) -> list[RunEvent]:
    """As many of the events, from the first, as go into one commit. The rest is decided again from what is stored."""
    size, taken = 0, list[RunEvent]()
    for event in events:
        size += len(_encoder.encode(event))
        if taken and size > MAX_COMMIT_BYTES:
            break
        taken.append(event)
    return taken


class Writer:
    def __init__(self, bus: Bus, clocks: Clocks) -> None:
        self._bus, self._clocks = bus, clocks
        self._log = log.get("scheduler")

    async def decision(self, tracked: Tracked, events: Sequence[RunEvent], expected: int) -> int:
        """Stores what was decided when the run's last event was at `expected`; its place. Raises Conflict, TooLarge."""
        content = _encoder.encode(list(events)).decode()
        commit = envelope.commit(
            id=commit_id(tracked.subject, expected, content),
            source=SOURCE,
            subject=tracked.subject,
            cause=tracked.origin,
            now=self._clocks.now(),
            events=list(events),
        )
        return await self._append(commit, expected, tracked)

    async def loss(self, tracked: Tracked, lost: Lost, expected: int) -> None:
        """Stores that an attempt is lost, judged when its last event was at `expected` (0: it has none).

        Where it moved on in the meantime it is not lost, or somebody else said so: nothing is stored.
        """
        address = lost.address
        run = subjects.RunAddress(address.owner, address.repo, address.run_id)
        subject = subjects.attempt(address.host, run, address.job, address.n)
        commit = envelope.commit(
            id=commit_id(subject, "lost", expected),
            source=SOURCE,
            subject=subject,
            cause=tracked.origin,
            now=self._clocks.now(),
            events=[AttemptLost(lost.why)],
        )
        try:
            await self._append(commit, expected, tracked)
        except Conflict:
            return
        self._log.warning("an attempt is lost", attempt=subject, why=lost.why)

    async def group(self, draft: GroupDraft, about: Tracked | None) -> int:
        """Stores a group's next state; its place. `about` is the run that it is about. Raises Conflict, TooLarge."""
        subject = draft.tracked.subject
        commit = envelope.commit(
            id=commit_id(subject, draft.expected, _encoder.encode(draft.event).decode()),
            source=SOURCE,
            subject=subject,
            cause=about.origin if about is not None else Cause(subject),
            now=self._clocks.now(),
            events=[draft.event],
        )
        return await self._append(commit, draft.expected, about)

    async def _append(self, commit: Commit, expected: int, tracked: Tracked | None) -> int:
        """Whether a write without an answer was stored is found out by writing it again: the id tells."""
        while True:
            try:
                with trace.continued(tracked.headers if tracked is not None else {}):
                    return await self._bus.append(commit, expected=expected)
            except BusDown as error:
                self._log.warning("the bus is down, the decision waits", subject=commit.subject, why=error)
                await asyncio.sleep(RETRY_SECONDS)
