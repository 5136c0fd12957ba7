"""Changing a stored value while others may do so too: read, change, write where it is still what was read."""

from __future__ import annotations

from collections.abc import Callable

from libs.bus.port import KeyValue

TRIES = 20
"""People change settings one at a time; who loses twenty races in a row meets a program that writes in a loop."""


class Contended(Exception):
    """Somebody else changed it every time."""


async def changed(bucket: KeyValue, key: str, change: Callable[[bytes | None], bytes]) -> bytes:
    """The new value. `change` is asked again where another one was faster. Raises Contended, BusDown."""
    for _ in range(TRIES):
        found = await bucket.get(key)
        after = change(None if found is None else found[0])
        if found is None:
            revision = await bucket.create(key, after)
        else:
            revision = await bucket.update(key, after, found[1])
        if revision is not None:
            return after
    raise Contended(f"{key} was changed by somebody else {TRIES} times in a row: try again")
