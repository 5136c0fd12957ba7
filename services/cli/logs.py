"""A run's log for people: from the blob where an attempt is over, from the stream while it grows; no line twice."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import click
import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.ids import RunId
from libs.views.log_lines import LogLine, lines_of, stored_lines
from libs.views.run import AttemptView, JobView
from services.cli.watching import log_lines


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


@asynccontextmanager
async def following(bus: Bus, run_id: RunId, show: Callable[[LogLine], None]) -> AsyncGenerator[None]:
    """Hands out every line of a run, from its first, as they come; at the exit also those that are stored by then."""
    filters = (subjects.logs_of_run(run_id),)
    place = 0

    async def hand_out(*, follow: bool) -> None:
        nonlocal place
        async with contextlib.aclosing(bus.tail(subjects.LOGS, filters, place, follow=follow)) as messages:
            async for message in messages:
                if isinstance(message, Stored):
                    place = message.seq
                    for line in lines_of(message):
                        show(line)

    live = asyncio.create_task(hand_out(follow=True))
    try:
        yield
        await stopped(live)
        await hand_out(follow=False)
    finally:
        await stopped(live)


async def stopped(task: asyncio.Task[None]) -> None:
    """Cancels a task and waits until it is over. Raises what it died of."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Printer:
    """Prints log lines on standard output, each behind its job where there are several, or as NDJSON."""

    def __init__(self, *, prefix: bool, as_json: bool = False) -> None:
        self._prefix, self._as_json = prefix, as_json

    def __call__(self, line: LogLine) -> None:
        if self._as_json:
            click.echo(msgspec.json.encode(line).decode())
            return
        click.echo(f"{line.job} | {line.text}" if self._prefix else line.text)
