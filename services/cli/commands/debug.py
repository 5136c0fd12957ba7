"""`firebreak debug`: a shell in what a failed job left."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime

import click
import msgspec

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.debug import OpenDebug
from libs.contracts.envelope import decode_commit
from libs.contracts.host import HostEvent, VmKept, VmNotKept
from libs.contracts.ids import HostId
from libs.contracts.subjects import AttemptAddress, parse_attempt
from libs.views.run import JobView, RunView
from services.cli import words
from services.cli.commands.why import chosen_jobs
from services.cli.connection import connected, coroutine
from services.cli.outcome import Failed, Usage
from services.cli.reading import parse_run_id, run_view

_host_events = msgspec.json.Decoder(HostEvent)


@click.command()
@click.argument("run")
@click.argument("job", required=False)
@click.option(
    "--step", type=click.IntRange(1, 10_000), help="Run the steps again that ran, from this one on (1 is first)."
)
@click.option("--command", "line", help="Run this instead of a shell, show what it prints, exit as it did.")
@click.option("--json", "as_json", is_flag=True, help="Open nothing: tell what is kept of RUN, as JSON.")
@coroutine
async def command(*, run: str, job: str | None, step: int | None, line: str | None, as_json: bool) -> None:
    """A shell in what a failed JOB of RUN left, where its failing step stood.

    The host must keep failed jobs' machines (FIREBREAK_KEEP_FAILED). The shell has the step's folder and environment,
    and the job's user. Each session has a machine of its own, which is gone when you leave; what is kept stays as it
    is until its time is over. Exits as the shell does.

    Example: firebreak debug 4503599627370496 build --command 'ls -l'
    """
    async with connected() as connection:
        view = await run_view(connection, parse_run_id(run))
        told = await _told(connection.bus, view)
        if as_json:
            click.echo(msgspec.json.encode([event for event in told if isinstance(event, VmKept)]).decode())
            return
        kept = choose(view, chosen_jobs(view, job) if job else None, told, datetime.now(UTC))
        code = await _session(connection.bus, kept, step, line)
    sys.exit(code)


def choose(view: RunView, jobs: list[JobView] | None, told: list[VmKept | VmNotKept], now: datetime) -> VmKept:
    """The newest save of the jobs, None meaning all. Raises Usage where there are several jobs, Failed where none."""
    keys = None if jobs is None else {job.key for job in jobs}
    mine = [event for event in told if keys is None or parse_attempt(event.attempt).job in keys]
    kept = {parse_attempt(event.attempt).job: event for event in mine if isinstance(event, VmKept)}
    valid = [event for event in kept.values() if event.until > now]
    if len(valid) > 1:
        names = ", ".join(sorted(parse_attempt(event.attempt).job for event in valid))
        raise Usage(f"run {view.run_id} has several jobs that were kept, say which: {names}")
    if valid:
        return valid[0]
    if kept:
        until = max(event.until for event in kept.values())
        raise Failed(f"what run {view.run_id} left was kept until {words.clock(until)}, and is gone")
    why = [f"{parse_attempt(e.attempt).job}: {e.why}" for e in mine if isinstance(e, VmNotKept)]
    reason = "; ".join(why) or "no job of it failed where FIREBREAK_KEEP_FAILED lets its host keep machines"
    raise Failed(f"nothing is kept of run {view.run_id}: {reason}")


async def _told(bus: Bus, view: RunView) -> list[VmKept | VmNotKept]:
    """What the hosts of the run's attempts said of keeping them, oldest first."""
    hosts = {attempt.host for job in view.jobs.values() for attempt in job.attempts}
    found: list[VmKept | VmNotKept] = []
    for host in sorted(hosts):
        for stored in await bus.load(subjects.host(HostId(host))):
            for raw in decode_commit(stored.data).events:
                if b"Kept" not in bytes(raw):
                    continue
                event = _host_events.decode(raw)
                if isinstance(event, VmKept | VmNotKept) and _address(event).run_id == view.run_id:
                    found.append(event)
    return found


def _address(event: VmKept | VmNotKept) -> AttemptAddress:
    return parse_attempt(event.attempt)


async def _session(bus: Bus, kept: VmKept, step: int | None, line: str | None) -> int:
    # Imported here: nobody who only asks what is kept needs a terminal.
    from services.cli.debug_session import DebugSession
    from services.cli.screen import TerminalScreen, raw, window

    rows, columns = window()
    asked = OpenDebug(
        attempt=kept.attempt,
        by=os.environ.get("USER") or "cli",
        step=None if step is None else step - 1,
        command=line,
        rows=rows,
        columns=columns,
        terminal=os.environ.get("TERM") or "xterm",
    )
    session = DebugSession(bus, _address(kept).host, TerminalScreen(typing=line is None))
    if line is not None:
        return await session.run(asked)
    saying: set[asyncio.Task[None]] = set()

    def resized(rows: int, columns: int) -> None:
        saying.add(task := session.resized(rows, columns))
        task.add_done_callback(saying.discard)

    with raw(resized):
        return await session.run(asked)
