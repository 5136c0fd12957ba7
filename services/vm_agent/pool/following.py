"""Follows the learner's advice for hosts and sets the pool's targets by it. Says in the log when one changes.

While the bus is away, and where no learner runs, the targets stay what they were. Where the operator named the pool
(`FIREBREAK_POOL`), nobody follows anything: his word holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing

import msgspec

from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.advice import AdviceEvent, AdviceGiven
from libs.contracts.envelope import decode_commit
from libs.telemetry import log
from services.vm_agent.sandbox.protocol import Shape
from services.vm_agent.stock import Stock

logger = log.get("pool")

_events = msgspec.json.Decoder(AdviceEvent)


class Following:
    """`targets` is what advice comes to on this host, `usual` are the targets without any."""

    def __init__(
        self, bus: Bus, stock: Stock, targets: Callable[[AdviceGiven], Mapping[Shape, int]], usual: Mapping[Shape, int]
    ) -> None:
        self._bus, self._stock, self._targets_of = bus, stock, targets
        self._targets = dict(usual)

    async def run(self) -> None:
        """Until cancelled."""
        async with aclosing(self._bus.latest(subjects.EVENTS, (subjects.ADVICE_FOR_HOSTS,))) as messages:
            async for message in messages:
                given = None if isinstance(message, CaughtUp) else _given(message)
                if given is not None:
                    self._aim(self._targets_of(given))

    def _aim(self, targets: Mapping[Shape, int]) -> None:
        """A shape that is advised no more goes back to what it was without advice: to nothing, mostly."""
        for shape in {**self._targets, **targets}:
            target, before = targets.get(shape, 0), self._targets.get(shape, 0)
            if target != before:
                logger.info("another target", size=str(shape.size), trust=shape.trust, target=target, was=before)
                self._stock.aim(shape, target)
        self._targets = dict(targets)


def _given(stored: Stored) -> AdviceGiven | None:
    """What a newer learner wrote and this agent cannot read changes nothing."""
    try:
        events = [_events.decode(raw) for raw in decode_commit(stored.data).events]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        logger.warning("advice for hosts cannot be read", seq=stored.seq, why=error)
        return None
    return next((event for event in events if isinstance(event, AdviceGiven)), None)
