"""What a local run prints: step output on standard output, what happens on standard error, or events as NDJSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import click
import msgspec

from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit, envelopes
from libs.contracts.intake import Problem
from libs.views.run import RunView
from services.cli import words


async def print_events(bus: Bus) -> None:
    """Every event as one envelope a line, from the first; endless, for the caller to cancel."""
    async with contextlib.aclosing(bus.tail(subjects.EVENTS, ("ev.>",), 0)) as messages:
        async for message in messages:
            if isinstance(message, Stored):
                for envelope in envelopes(decode_commit(message.data), message.seq):
                    click.echo(msgspec.json.encode(envelope).decode())


def print_problems(problems: Iterable[Problem]) -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}:{problem.column}"
        click.echo(words.plain(f"{place}: {problem.message}"), err=True)


def print_verdict(view: RunView) -> None:
    """The verdict of each job with its red steps, on standard error."""
    took = words.between(view.started, view.finished)
    head = f"{words.result(view.conclusion, view.state)}  {view.workflow}  {took}"
    click.echo(words.plain(head + (f"  ({view.why})" if view.why else "")), err=True)
    for job in view.in_order():
        why = f": {job.why}" if job.why else f"  {job.environment_url}" if job.environment_url else ""
        click.echo(words.plain(f"  {words.result(job.conclusion, job.state)}  {job.name}{why}"), err=True)
    if view.steps_run == 0:
        click.echo("  nothing ran: every step or job was skipped", err=True)
