"""Reads the log into the projection, from the place that the projection itself names, and tells who waits.

One task reads ahead of one that writes; between them is a bound, so a replay costs no more memory than live reading.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

import msgspec

from libs.blobs.port import BlobMissing, Blobs, BlobsDown
from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.blobs import BlobRef
from libs.contracts.plan import Plan
from libs.telemetry import log
from services.console.changes import Hub
from services.console.metrics import Counts
from services.console.projection import FILTERS, Changes, fold, runs_in
from services.console.rows import take_plan
from services.console.store import Moved, Store, is_damage

BATCH_MESSAGES = 256
"""Written in one transaction, and read ahead of it: a commit holds 64 KiB at the most by rule, so some 16 MiB."""
PLAN_SECONDS = 2.0
"""A list without a workflow's name is better than a list that waits for a store that does not answer."""
PRUNE_SECONDS = 3600.0
"""The log forgets by the day."""

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
_plans = msgspec.json.Decoder(Plan)
_log = log.get("console")


@dataclass(slots=True)
class Reader:
    """`position` is how far the projection is; `live`: everything that was there at the start is in it."""

    bus: Bus
    blobs: Blobs
    store: Store
    hub: Hub
    counts: Counts
    position: int = 0
    live: asyncio.Event = field(default_factory=asyncio.Event)
    _pruned: float = float("-inf")

    async def open(self) -> None:
        """The projection is there, empty perhaps. Raises BusDown, OSError, sqlite3.Error."""
        extent = await self.bus.extent(subjects.EVENTS)
        self.position = await in_thread(self.store.open, extent)
        _log.info("reading the log", position=self.position, last=extent.last)

    async def run(self) -> None:
        """Until cancelled. Raises BusDown, sqlite3.OperationalError: the next start goes on where the file says."""
        while True:
            try:
                await self._follow()
            except Moved as moved:
                _log.warning("another console writes to the same file", position=moved.seq)
                self.position = moved.seq
                self.hub.tell_all()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                _log.error("the projection is damaged and is folded anew", why=error)
                await in_thread(self.store.discard)
                await self.open()

    async def _follow(self) -> None:
        ahead: asyncio.Queue[Stored | CaughtUp | None] = asyncio.Queue(BATCH_MESSAGES)
        pump = asyncio.create_task(self._pump(ahead))
        try:
            while True:
                batch = [await ahead.get()]
                while not ahead.empty():
                    batch.append(ahead.get_nowait())
                if None in batch:
                    await pump  # raises what ended it; the rest of the batch is read again
                await self._take([message for message in batch if message is not None])
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, ahead: asyncio.Queue[Stored | CaughtUp | None]) -> None:
        try:
            async with contextlib.aclosing(self.bus.tail(subjects.EVENTS, FILTERS, self.position)) as messages:
                async for message in messages:
                    await ahead.put(message)
        except Exception:
            await ahead.put(None)
            raise

    async def _take(self, batch: list[Stored | CaughtUp]) -> None:
        messages = [message for message in batch if isinstance(message, Stored)]
        rows = await in_thread(self.store.rows, runs_in(messages))
        changes = fold(messages, rows)
        await self._add_plans(changes)
        seq = max(self.position, *(message.seq for message in batch))
        await in_thread(self.store.write, changes, self.position, seq)
        self.position = seq
        self.counts.wrote(len(messages), changes.skipped, seq)
        self.hub.tell(changes.subjects)
        self.hub.tell(map(str, changes.changed))
        if len(messages) < len(batch):
            self.live.set()
        await self._prune()

    async def _add_plans(self, changes: Changes) -> None:
        """A plan that was too large for the log is in a blob; where it cannot be had, the next event asks again."""
        for row in changes.rows():
            if (ref := row.missing_plan) is not None and (plan := await self.plan(ref)) is not None:
                take_plan(row, plan)

    async def plan(self, ref: BlobRef) -> Plan | None:
        try:
            async with asyncio.timeout(PLAN_SECONDS):
                return _plans.decode(await self.blobs.get(ref))
        except (BlobMissing, BlobsDown, TimeoutError, msgspec.DecodeError) as error:
            _log.warning("a plan could not be read", blob=ref.digest, why=error or "no answer")
            return None

    async def _prune(self) -> None:
        if not self.live.is_set() or time.monotonic() - self._pruned < PRUNE_SECONDS:
            return
        self._pruned = time.monotonic()
        extent = await self.bus.extent(subjects.EVENTS)
        if runs := await in_thread(self.store.prune, extent.first):
            _log.info("forgot runs that the log holds no more", runs=runs)


async def in_thread(work: Callable[Given, Returned], *args: Given.args, **kwargs: Given.kwargs) -> Returned:
    """Blocking work of the writer, which is never abandoned: a cancelled caller waits until the thread is done."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
