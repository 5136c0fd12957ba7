"""How far this host's clock is from the bus's: from the time that the server put on a message of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libs.bus.port import Bus, BusDown
from libs.contracts import subjects
from libs.contracts.envelope import encode
from libs.contracts.ids import HostId, JobKey, RunId
from libs.contracts.logs import LogChunk

NO_RUN = RunId(0)
"""The log of this run is where the message goes: no run has this number, and logs are gone after three days."""


async def clock_skew_ms(bus: Bus, host: HostId, now: Callable[[], datetime]) -> float:
    """Milliseconds that this clock is ahead; right within half a round trip. 0 where it cannot be learnt."""
    subject = subjects.log(host, NO_RUN, JobKey("clock"), 0)
    try:
        before = now()
        await bus.stream_log(subject, encode(LogChunk(0, -1, (), (), end=True)))
        await bus.flush_logs()
        after = now()
        stored = await bus.last(subject)
    except BusDown:
        return 0.0
    if stored is None:
        return 0.0
    return round(((before + (after - before) / 2) - stored.time).total_seconds() * 1000, 3)
