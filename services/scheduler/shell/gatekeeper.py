"""The I/O of the gates: concurrency groups looked up and changed, environments read. What comes of it are items of the
loop's inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from libs.bus.port import Bus, BusDown, Conflict
from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.subjects import SETTINGS
from libs.telemetry import log
from libs.vault.environments import Damaged, read_environments
from services.scheduler.shell.groups import GroupDraft
from services.scheduler.shell.inbox import EnvironmentsRead, GroupFound, GroupSettled, Inbox
from services.scheduler.shell.index import Index
from services.scheduler.shell.writer import Writer

RETRY_SECONDS = 0.5
"""Before a bus that is down is asked again, and before a change that conflicted with something older than was read."""
DAMAGED_SECONDS = 30.0
"""Before settings that cannot be read are looked at again: a person has to mend them."""

Work = Coroutine[Any, Any, None]  # a coroutine's other two types are nobody's concern


class Gatekeeper:
    def __init__(self, bus: Bus, index: Index, inbox: Inbox, writer: Writer) -> None:
        self._bus, self._index, self._inbox, self._writer = bus, index, inbox, writer
        self._log = log.get("scheduler")

    def follows(self, unread: Iterable[RunId]) -> list[Work]:
        """What is to be done now; `unread` are runs that stand before an environment that nobody looked up."""
        changes, unknown = self._index.groups.decide(self._index.stored_run, self._index.position)
        readings = (self._reading(run_id) for run_id in unread)
        return [
            *(self._find(subject) for subject in unknown),
            *(self._store(change) for change in changes),
            *(reading for reading in readings if reading is not None),
        ]

    def read(self, item: EnvironmentsRead) -> None:
        """Into the index; a run that changed meanwhile asks again."""
        tracked = self._index.runs.get(item.run_id)
        if tracked is not None:
            tracked.environments, tracked.reading = item.environments, False

    async def _find(self, subject: str) -> None:
        while True:
            try:
                self._inbox.put(GroupFound(subject, await self._bus.last(subject)))
                return
            except BusDown:
                await asyncio.sleep(RETRY_SECONDS)

    async def _store(self, draft: GroupDraft) -> None:
        """A group's state is bounded, and so is never too large for a message."""
        about = self._index.runs.get(draft.cause) if draft.cause is not None else None
        try:
            place = await self._writer.group(draft, about)
        except Conflict as conflict:
            if conflict.last <= draft.expected:
                await asyncio.sleep(RETRY_SECONDS)
            place = conflict.last
        self._inbox.put(GroupSettled(draft.tracked.subject, place))

    def _reading(self, run_id: RunId) -> Work | None:
        tracked = self._index.runs.get(run_id)
        if tracked is None or tracked.run is None or tracked.reading:
            return None
        tracked.reading = True
        return self._read_environments(run_id, tracked.run.plan.repository.id)

    async def _read_environments(self, run_id: RunId, repository: RepositoryId) -> None:
        """A job waits rather than pass a gate that cannot be read."""
        bucket = self._bus.key_value(SETTINGS)
        while True:
            try:
                self._inbox.put(EnvironmentsRead(run_id, await read_environments(bucket, repository)))
                return
            except BusDown:
                await asyncio.sleep(RETRY_SECONDS)
            except Damaged as error:
                self._log.error("a repository's environments cannot be read: its jobs wait", run=run_id, why=error)
                await asyncio.sleep(DAMAGED_SECONDS)
