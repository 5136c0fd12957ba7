"""Places of a stream without a message, and why.

One is explained when the stream begins behind it (aged out) or when the bus itself says that nothing is there (erased).
Anything else stops whoever reads: a projection that lost events would be quietly wrong, and so would an archive.
"""

from __future__ import annotations

from libs.bus.port import Bus

HOLE_PLACES = 10_000
"""Places of one hole that are asked for one by one; nobody erases more events at once by hand."""


class UnexplainedHole(Exception):
    """The stream has messages that were not handed out."""


async def explain_hole(bus: Bus, stream: str, first: int, behind: int) -> None:
    """Returns where no message is left from `first` up to, not including, `behind`. Raises UnexplainedHole."""
    if (await bus.extent(stream)).first >= behind:
        return
    if behind - first > HOLE_PLACES:
        raise UnexplainedHole(
            f"{stream}: the places {first} to {behind - 1} were not handed out: too many to be erased"
        )
    for place in range(first, behind):
        if await bus.get(stream, place) is not None:
            raise UnexplainedHole(f"{stream}: place {place} was not handed out, and it has a message")
