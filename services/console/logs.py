"""An attempt's log, from the stream while it grows and from its blob afterwards: the same lines under the same numbers.

A follower names the last line that it has and gets all that are behind it, each once, in order. A place where lines
are missing (the stream had dropped them) is said as a `Gap`, never passed over in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, CaughtUp, Stored
from libs.contracts import subjects
from libs.contracts.blobs import BlobRef
from libs.contracts.logs import LogChunk
from libs.views.log_lines import stored_chunks
from libs.views.run import AttemptView
from services.console.changes import Hub, Watch
from services.console.runs import Runs, Tried
from services.console.words import step_title

PAGE_LINES = 2000
"""Shown at once: a browser lays them out in a blink, and few steps print more."""

TITLE_SECONDS = 1.0
"""Lines wait no longer for the name of their step: a projection that is further behind has other worries."""

_chunks = msgspec.json.Decoder(LogChunk)


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` lines from number `first` on cannot be had from the stream."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Over:
    """The attempt is over, and every line of it is out; `lines` in all."""

    lines: int
    attempt: AttemptView


@dataclass(frozen=True, slots=True)
class Line:
    number: int
    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a log: `lines` of it, in order; `total` as far as it is known now; `missing` lines could not be had."""

    lines: list[Line]
    total: int
    missing: int


@dataclass(frozen=True, slots=True)
class Logs:
    bus: Bus
    blobs: Blobs
    runs: Runs
    hub: Hub

    async def follow(self, tried: Tried, after: int) -> AsyncGenerator[LogChunk | Gap | Over]:
        """Every line behind number `after` (-1: all), as they come, then one `Over`. Raises BusDown, BlobsDown.

        Ends without `Over` where the console itself ends.
        """
        following = after + 1
        async with aclosing(self._pieces(tried)) as pieces:
            async for piece in pieces:
                if isinstance(piece, AttemptView):
                    if piece.lines > following:
                        yield Gap(following, piece.lines - following)
                    yield Over(max(following, piece.lines), piece)
                    return
                fresh = behind(piece, following)
                if fresh is None:
                    continue
                if fresh.first > following:
                    yield Gap(following, fresh.first - following)
                yield fresh
                following = fresh.first + len(fresh.lines)

    async def whole(self, tried: Tried, attempt: AttemptView) -> AsyncGenerator[LogChunk]:
        """What there is now, each line once. Raises BusDown, BlobsDown."""
        following = 0
        async with aclosing(self._at_rest(tried, attempt)) as chunks:
            async for chunk in chunks:
                fresh = behind(chunk, following)
                if fresh is not None:
                    yield fresh
                    following = fresh.first + len(fresh.lines)

    async def summary(self, ref: BlobRef) -> str | None:
        """A step's; None where it was erased. Raises BlobsDown."""
        try:
            return (await self.blobs.get(ref)).decode("utf-8", "replace")
        except BlobMissing:
            return None

    async def window(self, tried: Tried, attempt: AttemptView, start: int | None) -> Window:
        """`PAGE_LINES` lines from number `start` on; the last ones where it is None."""
        lines: deque[Line] = deque(maxlen=PAGE_LINES)
        count = total = 0
        async with aclosing(self.whole(tried, attempt)) as chunks:
            async for chunk in chunks:
                count, total = count + len(chunk.lines), chunk.first + len(chunk.lines)
                for place, text in enumerate(chunk.lines):
                    number = chunk.first + place
                    if start is None or (number >= start and len(lines) < PAGE_LINES):
                        lines.append(Line(number, chunk.step, text))
        total = max(total, attempt.lines)
        return Window(list(lines), total, total - count)

    async def title(self, tried: Tried, step: int) -> str:
        """What a step is called: stored before the step printed anything, so the projection has it in an instant."""
        with self.hub.watch(tried.subject) as watch, contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TITLE_SECONDS):
                while not self.hub.closed:
                    attempt = await self.runs.attempt(tried)
                    if step < 0 or step in attempt.steps or attempt.over:
                        return step_title(step, attempt)
                    await watch.changed()
        return step_title(step, None)

    async def _pieces(self, tried: Tried) -> AsyncGenerator[LogChunk | AttemptView]:
        """Chunks, some of them twice, and the attempt once it is over."""
        with self.hub.watch(tried.subject) as watch:
            attempt = await self.runs.attempt(tried)
            if not attempt.over:
                async with aclosing(self._growing(tried, watch)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                attempt = await self.runs.attempt(tried)
        if not attempt.over:
            return  # the console ends
        async with aclosing(self._at_rest(tried, attempt)) as chunks:
            async for chunk in chunks:
                yield chunk
        yield attempt

    async def _growing(self, tried: Tried, watch: Watch) -> AsyncGenerator[LogChunk]:
        """From the stream, until the projection says that the attempt is over, or the console ends."""
        over = asyncio.ensure_future(self._over(tried, watch))
        tail = self.bus.tail(subjects.LOGS, (tried.log_subject,), 0)
        pending = asyncio.ensure_future(anext(tail))
        try:
            while not over.done():
                await asyncio.wait({pending, over}, return_when=asyncio.FIRST_COMPLETED)
                if not pending.done():
                    continue
                message = pending.result()
                pending = asyncio.ensure_future(anext(tail))
                if isinstance(message, Stored):
                    yield _chunks.decode(message.data)
            over.result()
        finally:
            over.cancel()
            pending.cancel()
            await asyncio.gather(over, pending, return_exceptions=True)
            await tail.aclose()

    async def _over(self, tried: Tried, watch: Watch) -> None:
        while not self.hub.closed and not (await self.runs.attempt(tried)).over:
            await watch.changed()

    async def _at_rest(self, tried: Tried, attempt: AttemptView) -> AsyncGenerator[LogChunk]:
        """From the blob where there is one, else what the stream holds."""
        if attempt.log is not None:
            try:
                async with aclosing(stored_chunks(self.blobs, attempt.log)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            except BlobMissing:
                pass  # erased, or damaged: the stream may still have it
        async with aclosing(self.bus.tail(subjects.LOGS, (tried.log_subject,), 0, follow=False)) as messages:
            async for message in messages:
                if not isinstance(message, CaughtUp):
                    yield _chunks.decode(message.data)


def behind(chunk: LogChunk, following: int) -> LogChunk | None:
    """The chunk without the lines before number `following`; None where nothing is left."""
    known = max(0, following - chunk.first)
    if known >= len(chunk.lines):
        return None
    if known == 0:
        return chunk
    return LogChunk(following, chunk.step, chunk.lines[known:], chunk.times_ms[known:], chunk.end)
