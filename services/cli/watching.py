"""What is true at this moment: which hosts answer, and a run's log while it grows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec

from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.host import HEARTBEAT_SECONDS, Heartbeat
from libs.contracts.ids import HostId, RunId
from libs.contracts.intake import DeliveryIgnored, IntakeEvent, IntakeFailed, RunsPlanned, WorkflowRejected
from libs.views.fold import apply
from libs.views.log_lines import LogLine, lines_of
from libs.views.run import RunView
from services.cli.outcome import Failed

LISTEN_SECONDS = HEARTBEAT_SECONDS + 1
"""Within it every living host has spoken once."""

_beats = msgspec.json.Decoder(Heartbeat)
_intakes: msgspec.json.Decoder[IntakeEvent] = msgspec.json.Decoder(IntakeEvent)


async def hosts_now(bus: Bus, seconds: float = LISTEN_SECONDS) -> dict[HostId, Heartbeat]:
    """The hosts that speak within `seconds`, each with its newest heartbeat."""
    heard: dict[HostId, Heartbeat] = {}
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), contextlib.aclosing(bus.subscribe(subjects.ALL_HEARTBEATS)) as beats:
            async for _, data in beats:
                beat = _beats.decode(data)
                heard[beat.host] = beat
    return heard


async def log_lines(bus: Bus, filter: str, *, follow: bool) -> AsyncGenerator[LogLine]:
    """The lines on LOGS that match, from the stream's start; with `follow`, until the reader is closed."""
    async with contextlib.aclosing(bus.tail(subjects.LOGS, (filter,), 0, follow=follow)) as chunks:
        async for message in chunks:
            if isinstance(message, Stored):
                for line in lines_of(message):
                    yield line


async def run_changes(bus: Bus, run_id: RunId) -> AsyncGenerator[RunView]:
    """The run's view after each change, beginning with what is there; endless, for the reader to close."""
    filters = (subjects.any_run(run_id), subjects.attempts_of_run(run_id))
    view: RunView | None = None
    caught_up = False
    async with contextlib.aclosing(bus.tail(subjects.EVENTS, filters, 0)) as messages:
        async for message in messages:
            if isinstance(message, CaughtUp):
                caught_up = True
            else:
                view = apply(view, decode_commit(message.data))
            if caught_up and view is not None:
                yield view


async def finished_run(bus: Bus, run_id: RunId) -> RunView:
    """Waits until a run is over."""
    async with contextlib.aclosing(run_changes(bus, run_id)) as changes:
        async for view in changes:
            if view.state == "finished":
                return view
    raise Failed(f"the log ended before run {run_id} was over")


async def planned_runs(bus: Bus, cause: str) -> dict[str, RunId]:
    """The runs that a delivery or a command led to, by workflow path, once its intake is over; waits for that.

    Raises Failed with the parser's reason where it led to none.
    """
    async with contextlib.aclosing(bus.tail(subjects.EVENTS, (subjects.intake(cause),), 0)) as messages:
        async for message in messages:
            for raw in decode_commit(message.data).events if isinstance(message, Stored) else ():
                match _intakes.decode(raw):
                    case RunsPlanned(runs=runs):
                        return runs
                    case DeliveryIgnored(why=why) | IntakeFailed(why=why):
                        raise Failed(why)
                    case WorkflowRejected():
                        pass
    raise Failed(f"the log ended before it told what became of {cause}")
