"""A command is a message; what became of it is an event. This waits for the event."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeVar

import msgspec

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from services.cli.outcome import Unreachable

ANSWER_SECONDS = 35.0
"""A little more than the 30 s that an intake may take."""

E = TypeVar("E")
R = TypeVar("R")


async def answer(
    bus: Bus, filter: str, after: int, decoder: msgspec.json.Decoder[E], pick: Callable[[E], R | None]
) -> R:
    """The first answer that `pick` finds among the events that match behind place `after` of EVENTS.

    Events that the decoder does not know are passed over. Raises Unreachable where none comes in time.
    """
    with contextlib.suppress(TimeoutError):
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            contextlib.aclosing(bus.tail(subjects.EVENTS, (filter,), after)) as messages,
        ):
            async for message in messages:
                if isinstance(message, Stored) and (found := _pick(message, decoder, pick)) is not None:
                    return found
    raise Unreachable(f"nobody answered within {ANSWER_SECONDS:.0f} s; the command stays queued. Do the services run?")


def _pick(message: Stored, decoder: msgspec.json.Decoder[E], pick: Callable[[E], R | None]) -> R | None:
    for raw in decode_commit(message.data).events:
        try:
            found = pick(decoder.decode(raw))
        except msgspec.ValidationError:
            continue
        if found is not None:
            return found
    return None
