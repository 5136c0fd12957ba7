"""What becomes of a message after its handling: the one place that decides on acknowledging, pauses and dead letters.

Pure: both adapters ask it and carry out the answer. Three ways to end a handling badly, three meanings:

- an exception is a failure: handed out again after a growing pause, and after `attempts` of them a dead letter;
- `Poison` says that no handling can succeed: a dead letter at once;
- `Retry` says "not now": the message stays with this process, which tries again later, and nothing is counted. So does
  `BusDown`: an outage of ours is not the message's fault.

A handling that never ended (the process died, or it took longer than `ack_wait_seconds`) counts as handed out, not as
a failure: a message may be handed out `UNFINISHED_HANDLINGS` times more than it may fail, then it is a dead letter too,
because something that kills its process each time must not do so for ever.
"""

from __future__ import annotations

import msgspec

from libs.bus.port import BusDown, Poison, Retry

PAUSES_SECONDS = (0.2, 1.0, 5.0, 15.0, 60.0)
"""After the first failure, the second, ...: a hiccup costs little, an outage of minutes costs no dead letters."""
UNFINISHED_HANDLINGS = 20
"""So many restarts of a service in the middle of one message are deployments; more are a message that kills it."""
LONGEST_RETRY_SECONDS = 24 * 3600.0
"""No message is put off for longer at one time: rate limits reset within the hour, and a day is visible."""
BUS_PAUSE_SECONDS = 1.0
"""The handler waited out the bus's deadline already."""
REASON_CHARACTERS = 500
"""A dead letter's reason is a header: one line, and short."""


class Done(msgspec.Struct, frozen=True):
    """Acknowledge."""


class Again(msgspec.Struct, frozen=True):
    """Hand it out anew after the pause; it failed once more."""

    pause_seconds: float
    reason: str


class Later(msgspec.Struct, frozen=True):
    """Keep it and handle it again after the pause; nothing failed."""

    pause_seconds: float


class Dead(msgspec.Struct, frozen=True):
    """Store it with the dead letters, then acknowledge."""

    reason: str


Outcome = Done | Again | Later | Dead


def after(error: Exception | None, attempt: int, attempts: int) -> Outcome:
    """What follows from the `attempt`th handling (from 1) of a message that may fail `attempts` times."""
    if error is None:
        return Done()
    if isinstance(error, BusDown):
        return Later(BUS_PAUSE_SECONDS)
    if isinstance(error, Poison):
        return Dead(reason(error))
    if isinstance(error, Retry):
        return Later(min(max(error.delay_seconds, 0.0), LONGEST_RETRY_SECONDS))
    if attempt >= attempts:
        return Dead(f"failed {attempt} times, at last: {reason(error)}")
    return Again(PAUSES_SECONDS[min(attempt, len(PAUSES_SECONDS)) - 1], reason(error))


def before(attempt: int, attempts: int) -> Dead | None:
    """Whether a message that is handed out for the `attempt`th time is handled at all."""
    if attempt <= attempts + UNFINISHED_HANDLINGS:
        return None
    return Dead(f"handed out {attempt} times and never finished")


def most_deliveries(attempts: int) -> int:
    """The server's own bound, never reached while we work: then its advisory is the dead letter."""
    return attempts + UNFINISHED_HANDLINGS + 5


def reason(error: Exception) -> str:
    """One printable line."""
    text = f"{type(error).__name__}: {error}"
    line = "".join(character if 32 <= ord(character) < 127 else " " for character in text)
    return " ".join(line.split())[:REASON_CHARACTERS]
