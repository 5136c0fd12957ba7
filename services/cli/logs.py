"""A run's log for people: from the blob where an attempt is over, from the stream while it grows; no line twice."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable

import click

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
