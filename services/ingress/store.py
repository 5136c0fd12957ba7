"""Stores an admitted delivery: one commit on a subject of its own, expecting that there is none.

Knows nothing of HTTP. A commit is named after the request that brought it, not after the delivery: so a retry of ours
is recognised as ours, and a redelivery as a redelivery.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libs.blobs.port import Blobs
from libs.bus.port import Bus, BusDown, Conflict
from libs.contracts import subjects
from libs.contracts.blobs import DELIVERY_INLINE_BYTES
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import Commit, commit
from libs.contracts.ids import Cause, commit_id
from services.ingress.admission import Admitted

SOURCE = "ingress"
STORE_SECONDS = 4.0
"""GitHub gives up after 10 s, many clients after 5: an honest 503 has to arrive before that."""
RETRY_SECONDS = 0.1
"""Between two tries to append while the bus is away; a server that restarts is back within a second."""
COMPRESSION_LEVEL = 1
"""A payload shrinks to a sixth at the fastest level; the best one gains little and costs four times as much."""
THREAD_BYTES = 256 * 1024
"""Larger bodies are compressed off the event loop: 1 ms is what other requests may wait."""

Outcome = Literal["stored", "known"]


@dataclass(frozen=True, slots=True)
class DeliveryStore:
    """`now` is the wall clock."""

    bus: Bus
    blobs: Blobs
    now: Callable[[], datetime]

    async def put(self, delivery: Admitted, request_id: str) -> Outcome:
        """Raises BusDown when it could not be stored within `STORE_SECONDS`."""
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await self._append(await self._sealed(delivery, request_id))
        except TimeoutError:
            raise BusDown(f"the delivery could not be stored within {STORE_SECONDS:.0f} s") from None

    async def _sealed(self, delivery: Admitted, request_id: str) -> Commit:
        subject = subjects.delivery(delivery.guid)
        return commit(
            id=commit_id(subject, request_id),
            source=SOURCE,
            subject=subject,
            cause=Cause(delivery.guid),
            now=self.now(),
            events=[await self._event(delivery)],
        )

    async def _event(self, delivery: Admitted) -> DeliveryReceived:
        compressed = await _compress(delivery.payload)
        large = len(compressed) > DELIVERY_INLINE_BYTES
        return DeliveryReceived(
            guid=delivery.guid,
            event=delivery.event,
            size=len(delivery.payload),
            body=None if large else compressed,
            body_blob=await self.blobs.put(compressed) if large else None,
            hook_id=delivery.hook_id,
        )

    async def _append(self, sealed: Commit) -> Outcome:
        while True:
            try:
                await self.bus.append(sealed, expected=0)
                return "stored"
            except Conflict:
                return "known"
            except BusDown:
                await asyncio.sleep(RETRY_SECONDS)


async def _compress(payload: bytes) -> bytes:
    if len(payload) < THREAD_BYTES:
        return zlib.compress(payload, COMPRESSION_LEVEL)
    return await asyncio.to_thread(zlib.compress, payload, COMPRESSION_LEVEL)
