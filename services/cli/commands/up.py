"""`firebreak up`: the whole system on one machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal

import click

from libs.settings import DRIVERS, without_password
from services.cli.connection import coroutine
from services.cli.outcome import Usage
from services.cli.up.machine import Machine, machine


@click.command()
@click.option(
    "--driver", type=click.Choice(DRIVERS), help="How jobs are isolated.  [default: the strongest that works]"
)
@click.option("--slots", type=click.IntRange(1, 1024), help="Jobs at once.  [default: one a processor]")
@click.option("--json", "as_json", is_flag=True, help="The addresses as one line of JSON, once all is ready.")
@coroutine
async def command(*, driver: str | None, slots: int | None, as_json: bool) -> None:
    """Every service and NATS on this machine, each as a process of its own; Ctrl-C ends them all.

    GITHUB_WEBHOOK_SECRET must be set. All state is below FIREBREAK_HOME.

    \b
    Example:
      GITHUB_WEBHOOK_SECRET=... firebreak up --driver bubblewrap --slots 4
    """
    environment = dict(os.environ)
    if driver:
        environment["FIREBREAK_DRIVER"] = driver
    if slots:
        environment["MAX_CONCURRENT_WORKFLOWS"] = str(slots)
    if not any(environment.get(name) for name in ("GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET_FILE")):
        raise Usage(
            "GITHUB_WEBHOOK_SECRET is not set; `openssl rand -hex 32` makes one, GitHub's webhook page takes it"
        )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with machine(environment) as running:
        _say(running, as_json)
        refused = asyncio.create_task(running.supervisor.refused())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({refused, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if refused.done():
            raise Usage(f"{refused.result()} refuses its settings; its own line above says which")
        refused.cancel()


def _say(running: Machine, as_json: bool) -> None:
    import msgspec

    where = running.addresses
    if as_json:
        shown = msgspec.structs.replace(where, nats=without_password(where.nats))
        click.echo(msgspec.json.encode(shown).decode())
    click.echo(f"webhooks   {where.ingress}/webhook", err=True)
    click.echo(f"console    {where.console}/", err=True)
    click.echo(f"SQL        {where.analytics}/", err=True)
    click.echo(f"NATS       {without_password(where.nats)}", err=True)
    click.echo(f"state      {running.settings.home}", err=True)
