"""`firebreak runs`: what ran, what runs, and the commands that change it."""

from __future__ import annotations

import contextlib

import click
import msgspec

from libs.contracts.ids import RunId
from libs.views.log_lines import LogLine
from libs.views.run import RunView
from libs.views.summary import summary
from services.cli import outcome, words
from services.cli.commands import changing_runs, run_summary
from services.cli.commands.why import chosen_jobs
from services.cli.connection import Connection, connected, coroutine
from services.cli.logs import Printer, attempt_lines, following
from services.cli.reading import newest_runs, parse_run_id, run_view
from services.cli.shown_run import show_run
from services.cli.watching import finished_run, run_changes

json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")


@click.group()
def command() -> None:
    """Runs: list, show, watch, logs, summary, start, rerun, cancel.

    Example: firebreak runs ls
    """


@command.command("ls")
@click.option("-n", "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many.")
@json_option
@coroutine
async def list_runs(*, limit: int, as_json: bool) -> None:
    """The newest runs, newest first.

    Example: firebreak runs ls --limit 50 --json
    """
    async with connected() as connection:
        views = await newest_runs(connection, limit)
    if as_json:
        click.echo(msgspec.json.encode([summary(view) for view in views]).decode())
        return
    columns = ("RUN", "VERDICT", "REPOSITORY", "WORKFLOW", "EVENT", "COMMIT", "TOOK", "PLANNED")
    words.table(columns, [_row(view) for view in views])


def _row(view: RunView) -> tuple[object, ...]:
    plan = view.plan
    event, sha = (plan.event, plan.sha[:12]) if plan else ("", "")
    took = words.between(view.started, view.finished)
    verdict = words.result(view.conclusion, view.state)
    return view.run_id, verdict, view.repository, view.workflow, event, sha, took, words.clock(view.planned)


@command.command()
@click.argument("run")
@json_option
@coroutine
async def show(*, run: str, as_json: bool) -> None:
    """One RUN with its jobs and steps. Exits 1 where the run failed.

    Example: firebreak runs show 4503599627370496
    """
    async with connected() as connection:
        view = await run_view(connection, parse_run_id(run))
    if as_json:
        click.echo(msgspec.json.encode(summary(view)).decode())
    else:
        show_run(view)
    _exit_with(view)


@command.command()
@click.argument("run")
@click.option("--exit-status/--no-exit-status", default=True, help="Exit 1 where the run failed.")
@json_option
@coroutine
async def watch(*, run: str, exit_status: bool, as_json: bool) -> None:
    """Follows RUN until it is over, then shows it.

    Example: firebreak runs watch 4503599627370496
    """
    run_id = parse_run_id(run)
    async with connected() as connection:
        view = await run_view(connection, run_id)
        told = 0
        async with contextlib.aclosing(run_changes(connection.bus, run_id)) as changes:
            async for changed in changes:
                view = changed
                for line in view.story[told:] if not as_json else ():
                    about = f"{line.job}: " if line.job else ""
                    click.echo(f"{words.clock(line.time)}  {words.plain(about + line.text)}", err=True)
                told = len(view.story)
                if view.state == "finished":
                    break
    if as_json:
        click.echo(msgspec.json.encode(summary(view)).decode())
    else:
        show_run(view)
    if exit_status:
        _exit_with(view)


@command.command()
@click.argument("run")
@click.option("-j", "--job", help="Only this job: a key, an id or a name.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run is over.")
@click.option("--failed", is_flag=True, help="Only the jobs that failed.")
@json_option
@coroutine
async def logs(*, run: str, job: str | None, follow: bool, failed: bool, as_json: bool) -> None:
    """The log of RUN on standard output, masked as it was stored.

    Example: firebreak runs logs 4503599627370496 --job build -f
    """
    run_id = parse_run_id(run)
    async with connected() as connection:
        view = await run_view(connection, run_id)
        chosen = chosen_jobs(view, job) if job else list(view.jobs.values())
        if failed:
            chosen = [one for one in chosen if one.conclusion not in ("success", "skip", None)]
        if follow and view.state != "finished":
            keys = {one.key for one in chosen} if job else None
            await _follow(connection, run_id, {str(key) for key in keys} if keys else None, as_json=as_json)
            return
        printer = Printer(prefix=len(chosen) > 1, as_json=as_json)
        for chosen_job, attempt in [(each, attempt) for each in chosen for attempt in each.attempts]:
            async for line in attempt_lines(connection.bus, connection.blobs, run_id, chosen_job, attempt):
                printer(line)


async def _follow(connection: Connection, run_id: RunId, keys: set[str] | None, *, as_json: bool) -> None:
    """Prints until the run is over and its last lines are out."""
    printer = Printer(prefix=keys is None or len(keys) > 1, as_json=as_json)

    def show(line: LogLine) -> None:
        if keys is None or line.job in keys:
            printer(line)

    async with following(connection.bus, run_id, show):
        await finished_run(connection.bus, run_id)


def _exit_with(view: RunView) -> None:
    if view.state == "finished" and view.conclusion not in ("success", "skip"):
        raise SystemExit(outcome.RUN_FAILED)


for other in (*changing_runs.COMMANDS, run_summary.command):
    command.add_command(other)
