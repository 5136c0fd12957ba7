"""Which of several schedulers decides: the one that holds a short lease. For speed and quiet; safety is the sequences'.

A standby folds the same log and takes over where the lease runs out or is given back.
"""

from __future__ import annotations

import asyncio
import time

from libs.bus.port import BusDown, KeyValue

KEY = "scheduler"
LEASE_SECONDS = 5
"""How long nobody decides after the active one died."""
RENEW_SECONDS = 1.5
"""Three renewals may fail before the lease is gone."""


class Activity:
    """`held` is true while this process may decide. `changed` is set whenever that turns."""

    def __init__(self, bucket: KeyValue, name: str) -> None:
        self._bucket, self._name = bucket, name.encode()
        self._revision: int | None = None
        self._until = 0.0
        self.changed = asyncio.Event()

    @property
    def held(self) -> bool:
        return self._revision is not None and time.monotonic() < self._until

    async def keep(self) -> None:
        """Until cancelled: takes the lease where it is free and renews it where it is ours."""
        try:
            while True:
                before = self.held
                await self._step()
                if self.held != before:
                    self.changed.set()
                await asyncio.sleep(RENEW_SECONDS)
        finally:
            await self._give_back()

    async def _step(self) -> None:
        asked = time.monotonic()
        try:
            if self._revision is None:
                self._revision = await self._bucket.create(KEY, self._name, LEASE_SECONDS)
            else:
                self._revision = await self._bucket.update(KEY, self._name, self._revision, LEASE_SECONDS)
        except BusDown:
            return  # unknown: ours until it would have run out
        if self._revision is not None:
            self._until = asked + LEASE_SECONDS

    async def _give_back(self) -> None:
        if not self.held:
            return
        try:
            await asyncio.wait_for(self._bucket.delete(KEY), 1.0)
        except (BusDown, TimeoutError):
            return  # it runs out by itself


class Always:
    """For a scheduler that shares its work with no lease: there is no other, or a test wants two at once."""

    def __init__(self) -> None:
        self.held = True
        self.changed = asyncio.Event()

    async def keep(self) -> None:
        """Nothing to keep."""
