"""Event streams: a run's changes and an attempt's log, as server-sent events that can be resumed at any of them.

The number of streams is bounded, each is sent no faster than its browser reads, and one that stops reading is cut off:
its browser comes back by itself and names the last event that it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from libs.blobs.port import BlobsDown
from libs.bus.port import BusDown
from libs.contracts.ids import RunId
from libs.contracts.logs import LogChunk
from libs.telemetry import log
from services.console.changes import Hub
from services.console.logs import Gap, Logs, Over
from services.console.metrics import Counts
from services.console.queries import Queries
from services.console.runs import Tried
from services.console.shown import shown

MAX_CLIENTS = 200
"""Open at once. Each may hold one chunk of a log, and the bus's window of what comes behind it."""
BUSY_SECONDS = 10
"""When a refused browser may ask again."""
RETRY_MILLISECONDS = 1000
"""How long a browser waits before it comes back: a restarted console is there again by then."""
PING_SECONDS = 15
"""Below the idle limits of proxies (nginx: 60 s), and a browser that is gone is noticed."""
SEND_SECONDS = 30.0
"""A browser that takes nothing for so long is asleep; it resumes when it wakes."""
CALM_SECONDS = 0.25
"""A run of a thousand jobs changes hundreds of times a second, and a person sees four of them."""

_log = log.get("console")
Events = AsyncGenerator[ServerSentEvent]


@dataclass(slots=True)
class Seats:
    """How many more event streams may be open."""

    counts: Counts
    free: int = MAX_CLIENTS

    def take(self) -> bool:
        if self.free <= 0:
            self.counts.refused.inc()
            return False
        self.free -= 1
        self.counts.live.inc()
        return True

    def leave(self) -> None:
        self.free += 1
        self.counts.live.dec()


class EventStream(EventSourceResponse):
    """Takes a seat while it is sent; 503 where there is none. Its `X-Accel-Buffering: no` makes nginx pass it on."""

    def __init__(self, events: Events, seats: Seats) -> None:
        # The library types its content as a bare dict among others.
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            events, ping=PING_SECONDS, sep="\n", send_timeout=SEND_SECONDS
        )
        self._seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._seats.take():
            message = f"{MAX_CLIENTS} event streams are open already; try again later, or reload the page by hand"
            busy = JSONResponse({"error": "busy", "message": message}, 503, {"retry-after": str(BUSY_SECONDS)})
            await busy(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            _log.info("an event stream was not read and is cut off", path=scope["path"], seconds=SEND_SECONDS)
        finally:
            self._seats.leave()


async def run_events(queries: Queries, hub: Hub, run_id: RunId, seen: int) -> Events:
    """`state` whenever the run changed behind place `seen` of the log, its event's id; `end` when it is over."""
    yield ServerSentEvent(retry=RETRY_MILLISECONDS, sep="\n")
    with hub.watch(str(run_id)) as watch:
        while not hub.closed:
            row = await asyncio.to_thread(queries.run, run_id)
            if row is None:
                return
            about = {"state": row.state, "conclusion": row.conclusion, "run_attempt": row.run_attempt}
            if row.last_seq > seen:
                seen = row.last_seq
                yield _event(about, event="state", id=seen)
            if row.state == "finished":
                yield _event(about, event="end")
                return
            await watch.changed()
            await asyncio.sleep(CALM_SECONDS)


async def log_events(logs: Logs, tried: Tried, after: int) -> Events:
    """Lines as `[[number, step, text], ...]`; the event's id is the number of its last line.

    Before a step's lines `step` names it; `gap` says which lines the stream has lost; `end` comes when the attempt is
    over and every line is out. A stream that ends without it is to be resumed.
    """
    yield ServerSentEvent(retry=RETRY_MILLISECONDS, sep="\n")
    step: int | None = None
    try:
        async with aclosing(logs.follow(tried, after)) as pieces:
            async for piece in pieces:
                if isinstance(piece, LogChunk) and piece.step != step:
                    step = piece.step
                    title = shown(await logs.title(tried, step))
                    yield _event({"step": step, "title": title}, event="step")
                yield _piece(piece)
    except (BusDown, BlobsDown) as error:
        _log.warning("a log cannot be followed now; its readers come back", why=error)


def _piece(piece: LogChunk | Gap | Over) -> ServerSentEvent:
    match piece:
        case LogChunk():
            lines = [(piece.first + place, piece.step, shown(text)) for place, text in enumerate(piece.lines)]
            return _event(lines, id=lines[-1][0])
        case Gap():
            return _event({"first": piece.first, "count": piece.count}, event="gap")
        case Over():
            attempt = piece.attempt
            about = {"lines": piece.lines, "conclusion": attempt.conclusion, "why": shown(attempt.why)}
            return _event(about, event="end")


def _event(data: object, *, event: str | None = None, id: int | None = None) -> ServerSentEvent:
    text = msgspec.json.encode(data).decode()
    return ServerSentEvent(text, event=event, id=None if id is None else str(id), sep="\n")
