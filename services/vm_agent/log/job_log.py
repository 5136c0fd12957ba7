"""The log of one attempt: numbers lines, sends them in bounded batches while the step runs, and keeps the whole.

Lines come in masked. The stream is for those who watch and may lose a batch when the bus is down; the blob holds all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from libs.blobs.port import Blobs
from libs.bus.port import BusDown
from libs.contracts.blobs import BlobRef
from libs.contracts.envelope import encode
from libs.contracts.logs import LogChunk
from services.vm_agent.log.spool import Spool
from services.vm_agent.log.tail import Tail

BATCH_SECONDS = 0.05
"""Between two batches of a log that grows slowly: a reader notices no delay, the bus sees 20 messages a second."""
BATCH_CHARACTERS = 64 * 1024
"""Escaped as JSON and in the worst alphabet, so many characters stay below the bus's limit of 1 MiB a message."""
BATCH_LINES = 8 * 1024
"""So that a log of empty lines stays below it too."""
PIECE_CHARACTERS = 64 * 1024
"""A longer line is shown as several."""
LOG_CHARACTERS = 64 * 1024 * 1024
LOG_LINES = 500_000
"""More of one attempt is counted and not kept: nobody reads it, and a loop could fill the disk."""
OWN_WORDS = -1
"""The step of lines that are Firebreak's."""
TRUNCATED = (
    f"##[warning]Log truncated: over {LOG_LINES} lines or {LOG_CHARACTERS // 1024 // 1024} MiB; the job goes on."
)


class JobLog:
    """`stream` sends one encoded chunk; `clock` gives monotonic seconds. `close` ends it, whatever happened."""

    def __init__(self, stream: Callable[[bytes], Awaitable[None]], spool: Spool, clock: Callable[[], float]) -> None:
        self._stream, self._spool, self._clock = stream, spool, clock
        self._begun = clock()
        self._step = OWN_WORDS
        self._lines: list[str] = []
        self._times: list[int] = []
        self._characters = 0
        self._sent_lines = 0
        self._all_characters = 0
        self._last_batch = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._order = asyncio.Lock()
        self._spool_trouble: OSError | None = None
        self._tails: dict[int, Tail] = {}
        self.truncated = False
        self.dropped_lines = 0

    @property
    def lines(self) -> int:
        """Lines so far, those that wait included."""
        return self._sent_lines + len(self._lines)

    async def write(self, step: int, lines: list[str], *, wait: bool = False) -> None:
        """Appends masked lines of a step. `wait`: they may go with what follows."""
        if self.truncated:
            self._drop(step, lines)
            return
        await self._turn_to(step)
        characters = sum(map(len, lines))
        if characters > BATCH_CHARACTERS or len(lines) > BATCH_LINES:
            for batch in _batches(lines):
                await self._add(batch, sum(map(len, batch)))
        else:
            await self._add(lines, characters)
        if self._lines:
            self._schedule(wait)

    async def end_step(self, step: int, *, failed: bool) -> None:
        """A step that failed shows the end of what it printed, full as the log may be."""
        tail = self._tails.pop(step, None)
        if tail is None or not failed:
            return
        shown = [f"##[warning]{tail.dropped} lines of this step were not kept."] if tail.dropped else []
        shown += tail.lines
        self.dropped_lines -= len(tail.lines)
        await self._turn_to(step)
        await self._append(shown, sum(map(len, shown)))
        self._schedule(wait=False)

    async def flush(self) -> None:
        """Everything written so far is in the spool and on its way."""
        async with self._order:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._lines:
                return
            chunk = LogChunk(self._sent_lines, self._step, tuple(self._lines), tuple(self._times))
            self._sent_lines += len(self._lines)
            self._lines, self._times, self._characters = [], [], 0
            await self._send(chunk)

    async def finish(self, blobs: Blobs) -> BlobRef:
        """Says that nothing follows and stores the whole. Raises OSError where the spool failed."""
        await self.flush()
        async with self._order:
            await self._send(LogChunk(self._sent_lines, self._step, (), (), end=True))
        if self._spool_trouble is not None:
            raise self._spool_trouble
        return await self._spool.store(blobs)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._flushing is not None:
            self._flushing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flushing
        self._spool.close()

    async def _turn_to(self, step: int) -> None:
        if step != self._step:
            await self.flush()
            self._step = step

    async def _add(self, lines: list[str], characters: int) -> None:
        if self.truncated:
            self._drop(self._step, lines)
            return
        if self.lines + len(lines) > LOG_LINES or self._all_characters + characters > LOG_CHARACTERS:
            self.truncated = True
            self._drop(self._step, lines)
            lines, characters = [TRUNCATED], len(TRUNCATED)
        await self._append(lines, characters)

    def _drop(self, step: int, lines: list[str]) -> None:
        """What the step itself may still show."""
        self.dropped_lines += len(lines)
        self._tails.setdefault(step, Tail()).add(lines)

    async def _append(self, lines: list[str], characters: int) -> None:
        if self._characters + characters > BATCH_CHARACTERS or len(self._lines) + len(lines) > BATCH_LINES:
            await self.flush()
        self._lines += lines
        self._times += [int((self._clock() - self._begun) * 1000)] * len(lines)
        self._characters += characters
        self._all_characters += characters

    def _schedule(self, wait: bool) -> None:
        """The first lines after a pause go at once, what follows them in batches."""
        if self._timer is not None and wait:
            return
        loop = asyncio.get_running_loop()
        due = max(0.0, self._last_batch + BATCH_SECONDS - self._clock())
        delay = BATCH_SECONDS if wait else due
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self._flushing = asyncio.ensure_future(self.flush())

    async def _send(self, chunk: LogChunk) -> None:
        data = encode(chunk)
        try:
            self._spool.write(data + b"\n")
        except OSError as error:
            self._spool_trouble = error
        self._last_batch = self._clock()
        with contextlib.suppress(BusDown):
            await self._stream(data)


def _batches(lines: list[str]) -> list[list[str]]:
    """Long lines in pieces, and as many of them together as one batch may hold."""
    batches: list[list[str]] = [[]]
    characters = 0
    for line in lines:
        for start in range(0, len(line) or 1, PIECE_CHARACTERS):
            piece = line[start : start + PIECE_CHARACTERS]
            if batches[-1] and (characters + len(piece) > BATCH_CHARACTERS or len(batches[-1]) >= BATCH_LINES):
                batches.append([])
                characters = 0
            batches[-1].append(piece)
            characters += len(piece)
    return batches
