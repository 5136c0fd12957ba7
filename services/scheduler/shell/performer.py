"""Does what effects say: doorbells, orders to stop, timers. Each may be done again at any time without harm."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from libs.blobs.port import Blobs
from libs.bus.port import Bus, BusDown
from libs.contracts import subjects
from libs.contracts.blobs import DELIVERY_INLINE_BYTES
from libs.contracts.envelope import encode
from libs.contracts.ids import HostId
from libs.contracts.orders import JobOrder, LargeOrder
from services.scheduler.effects import Arm, Disarm, Effect, Ring, Stop
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.index import Index
from services.scheduler.shell.vault import Vault

ARM_AHEAD_SECONDS = 90.0
"""A deadline that is further away is armed by the reconciler, which comes every 30 s: most jobs are over by then, and
a timer for each would be two more writes."""
REMEMBERED = 10_000
"""Doorbells that were rung by this process and need not be rung again; whoever is forgotten is rung twice, in vain."""


class Performer:
    """`armed` are the timers that this process armed: what it did not arm it need not disarm, for a deadline that
    fires after the end is nothing.
    """

    def __init__(self, bus: Bus, blobs: Blobs, index: Index, clocks: Clocks, vault: Vault) -> None:
        self._bus, self._blobs, self._index, self._clocks = bus, blobs, index, clocks
        self._vault = vault
        self._armed: set[str] = set()
        self._rung: dict[str, None] = {}

    async def perform(self, effect: Effect, *, repair: str = "") -> None:
        """`repair` names a round of the reconciler: what was done before is done again under that name."""
        match effect:
            case Ring():
                await self._ring(effect)
            case Stop(host, order):
                identity = f"{order.attempt}/stop/{order.reason}{repair}"
                await self._bus.enqueue(subjects.doorbell(host), encode(order), message_id=identity)
            case Arm():
                await self._arm(effect, repair=bool(repair))
            case Disarm(key):
                if key in self._armed:
                    self._armed.discard(key)
                    await self._bus.disarm(key)

    async def attempt(self, effect: Effect) -> None:
        """The same, where a failure matters to nobody: the consumer of effects does it for certain."""
        try:
            await self.perform(effect)
        except BusDown:
            return

    async def _ring(self, effect: Ring) -> None:
        attempt = effect.order.attempt
        if attempt in self._rung:
            return
        granted = await self._vault.granted(effect.run, effect.order.job)
        order = msgspec.structs.replace(
            effect.order,
            sealed=self._sealed(effect.host, msgspec.json.encode(dict(granted.secrets))),
            vars={**effect.order.vars, **granted.vars},
            problem=granted.problem,
        )
        await self._bus.enqueue(subjects.doorbell(effect.host), await self._message(order), message_id=attempt)
        self._rung[attempt] = None
        if len(self._rung) > REMEMBERED:
            del self._rung[next(iter(self._rung))]

    async def _message(self, order: JobOrder) -> bytes:
        data = encode(order)
        if len(data) <= DELIVERY_INLINE_BYTES:
            return data
        return encode(LargeOrder(order.attempt, await self._blobs.put(data)))

    def _sealed(self, host_id: HostId, secrets: bytes) -> bytes:
        """A box that only this boot of the host opens. A host that showed no key gets none."""
        host = self._index.fleet.get(host_id)
        if host is None or not host.key:
            return b""
        # Imported here: the core and its readers need no cryptography, and it costs a cold start milliseconds.
        from nacl.public import PublicKey, SealedBox

        return bytes(SealedBox(PublicKey(host.key)).encrypt(secrets))

    async def _arm(self, effect: Arm, *, repair: bool) -> None:
        ahead = effect.at - self._clocks.now()
        if effect.key in self._armed or (not repair and ahead > timedelta(seconds=ARM_AHEAD_SECONDS)):
            return
        await self._bus.arm(effect.key, effect.at, encode(effect.timer))
        self._armed.add(effect.key)
