"""One reporter at work of however many there are: two that post the same status at once would both be too late to look.

The lease is for order; should it fail, conditional appends and looking before posting still bound the harm.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from libs.bus.port import BusDown, KeyValue

KEY = "reporter"
LEASE_SECONDS = 5
"""How long nobody reports after a reporter died."""
RENEW_SECONDS = 1.5
"""Three tries within the lease."""


@dataclass(frozen=True, slots=True)
class Lease:
    buckets: KeyValue
    owner: str
    monotonic: Callable[[], float]

    async def hold(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Does the work whenever and as long as the lease is ours. Until cancelled, or until the work raises."""
        while True:
            revision = await self._take()
            task = asyncio.ensure_future(work())
            try:
                await self._keep(revision, task)
            finally:
                task.cancel()
                await asyncio.wait([task])
                with contextlib.suppress(BusDown):
                    await self._give_back()

    async def _take(self) -> int:
        while True:
            with contextlib.suppress(BusDown):
                revision = await self.buckets.create(KEY, self.owner.encode(), LEASE_SECONDS)
                if revision is not None:
                    return revision
            await asyncio.sleep(RENEW_SECONDS)

    async def _keep(self, revision: int, task: asyncio.Task[None]) -> None:
        """Returns when the lease is lost."""
        renewed = self.monotonic()
        while True:
            done, _ = await asyncio.wait([task], timeout=RENEW_SECONDS)
            if done:
                task.result()
                return
            try:
                new = await self.buckets.update(KEY, self.owner.encode(), revision, LEASE_SECONDS)
            except BusDown:
                if self.monotonic() - renewed > LEASE_SECONDS - RENEW_SECONDS:
                    return
                continue
            if new is None:
                return
            revision, renewed = new, self.monotonic()

    async def _give_back(self) -> None:
        """Only our own: another may have taken it since."""
        holder = await self.buckets.get(KEY)
        if holder is not None and holder[0] == self.owner.encode():
            await self.buckets.delete(KEY)
