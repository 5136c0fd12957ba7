"""A run's log for people: from the blob where an attempt is over, from the stream while it grows; no line twice."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncGenerator, Callable

import click
import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.blobs import BlobRef
from libs.contracts.ids import JobKey, RunId
from libs.contracts.logs import LogChunk
from libs.views.run import AttemptView, JobView
from services.cli.watching import LogLine, lines_of, log_lines

INFLATE_BYTES = 1024 * 1024
"""How much of a stored log is unpacked at a time."""

_chunk = msgspec.json.Decoder(LogChunk)


async def attempt_lines(
    bus: Bus, blobs: Blobs, run_id: RunId, job: JobView, attempt: AttemptView
) -> AsyncGenerator[LogLine]:
    """Every line of one attempt that is there now."""
    if attempt.log is not None:
        with contextlib.suppress(BlobMissing):
            async for line in stored_lines(blobs, attempt.log, job.key, attempt.n):
                yield line
            return
    async for line in log_lines(bus, subjects.log_of_attempt(run_id, job.key, attempt.n), follow=False):
        yield line


async def stored_lines(blobs: Blobs, ref: BlobRef, job: JobKey, n: int) -> AsyncGenerator[LogLine]:
    """The lines of a finished attempt's log. Raises BlobMissing before the first."""
    inflate = zlib.decompressobj()
    rest = b""
    async for piece in blobs.stream(ref):
        rest += inflate.decompress(piece)
        *whole, rest = rest.split(b"\n")
        for record in whole:
            chunk = _chunk.decode(record)
            for place, text in enumerate(chunk.lines):
                yield LogLine(job, n, chunk.step, chunk.first + place, text)


async def follow_run(bus: Bus, run_id: RunId, show: Callable[[LogLine], None]) -> None:
    """Hands out every line of a run, from its first, as they come; endless, for the caller to cancel."""
    async with contextlib.aclosing(bus.tail(subjects.LOGS, (subjects.logs_of_run(run_id),), 0)) as messages:
        async for message in messages:
            if isinstance(message, Stored):
                for line in lines_of(message):
                    show(line)


class Printer:
    """Prints log lines on standard output, each behind its job where there are several."""

    def __init__(self, *, prefix: bool) -> None:
        self._prefix = prefix

    def __call__(self, line: LogLine) -> None:
        click.echo(f"{line.job} | {line.text}" if self._prefix else line.text)
