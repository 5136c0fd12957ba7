"""Where to go on after a restart: a place in the log, the runs that were not over there, and the hosts.

An optimisation and nothing else: without one, or with one of another stream, the log is folded from its start.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.bus.port import Extent, KeyValue
from libs.contracts.ids import RunId
from services.scheduler.hosts import Host
from services.scheduler.shell.index import Index

KEY = "scheduler"
EVERY_EVENTS = 5_000
"""At 10,000 events/s folded, a restart reads half a second of log."""
MAX_BYTES = 900 * 1024
"""A value is a message; with more active runs than fit, a restart reads from the checkpoint before."""


class Checkpoint(msgspec.Struct, frozen=True):
    """`created` is when the stream was made: one that was made anew counts from 1 again."""

    seq: int
    created: datetime
    runs: tuple[RunId, ...] = ()
    hosts: tuple[Host, ...] = ()


_decoder = msgspec.json.Decoder(Checkpoint)


async def read(bucket: KeyValue, extent: Extent) -> Checkpoint | None:
    """The checkpoint, where it is one of this stream."""
    found = await bucket.get(KEY)
    if found is None:
        return None
    try:
        checkpoint = _decoder.decode(found[0])
    except msgspec.DecodeError:
        return None  # of another version: the log is the truth
    fits = checkpoint.created == extent.created and extent.first - 1 <= checkpoint.seq <= extent.last
    return checkpoint if fits else None


async def write(bucket: KeyValue, index: Index, extent: Extent) -> bool:
    """Whether it fitted."""
    made = Checkpoint(index.position, extent.created, tuple(index.runs), tuple(index.fleet.values()))
    data = msgspec.json.encode(made)
    if len(data) > MAX_BYTES:
        return False
    await bucket.put(KEY, data)
    return True
