"""`firebreak demo`: the main path once, with real parts, in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import click
import msgspec

from libs.bus.port import Bus
from libs.contracts.ids import RunId
from libs.github.signature import sign
from libs.process import Process
from libs.settings import DRIVERS
from libs.views.log_lines import LogLine
from libs.views.run import RunView
from libs.views.summary import summary
from services.cli import outcome
from services.cli.connection import UP_FILE, coroutine
from services.cli.demo.queries import show_queries
from services.cli.demo.repository import make_repository, push_payload
from services.cli.logs import Printer, following
from services.cli.outcome import Failed
from services.cli.shown_run import show_run
from services.cli.up.machine import Machine, machine
from services.cli.watching import finished_run, planned_runs

FOLDER = ".demo"
VERDICT_SECONDS = 120.0
"""The sample takes a few seconds; a verdict that has not come by then will not."""
KEPT_OUT = ("GITHUB_TOKEN", "GITHUB_API_URL", "NATS_URL", "REPOSITORY_PATH", "PORT", "HOST")
"""Settings of the caller's that must not reach a demonstration: it talks to nobody but itself."""


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running, and the folder, until Ctrl-C.")
@click.option("--driver", type=click.Choice(DRIVERS), default="host", show_default=True, help="How jobs are isolated.")
@click.option("--json", "as_json", is_flag=True, help="The runs as JSON in place of log, verdict and answers.")
@coroutine
async def command(*, keep: bool, driver: str, as_json: bool) -> None:
    """Starts everything in ./.demo, makes a sample repository, sends its push as a signed webhook, shows what happens.

    The `host` driver gives no isolation: the sample's own code is all that runs.

    \b
    Example:
      firebreak demo --keep
    """
    folder = Path.cwd() / FOLDER
    with _folder(folder, keep=keep):
        before, after = make_repository(folder / "repositories")
        secret = secrets.token_hex(32)
        async with machine(_environment(folder, driver, secret), folder / "services.log") as running:
            click.secho(f"Everything runs: console {running.addresses.console}/", err=True, bold=True)
            views = await _deliver_and_follow(running, secret, push_payload(before, after), as_json=as_json)
            await _show(running, views, as_json=as_json)
            if keep:
                await _until_interrupted(folder, secret)
    if any(view.conclusion != "success" for view in views):
        raise SystemExit(outcome.RUN_FAILED)


@contextlib.contextmanager
def _folder(folder: Path, *, keep: bool):
    """A new folder, which is gone at the end unless it is to be kept."""
    if (folder / "home" / UP_FILE).exists():
        raise Failed(f"a demonstration still runs in {folder}; stop it first (Ctrl-C where it was started)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path, driver: str, secret: str) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name not in KEPT_OUT and not name.startswith("FIREBREAK_")
    }
    return {
        **kept,
        "FIREBREAK_HOME": str(folder / "home"),
        "FIREBREAK_DRIVER": driver,
        "FIREBREAK_ANALYTICS_PORT": "0",
        "FIREBREAK_CONSOLE_PORT": "0",
        "FIREBREAK_HOST_ID": "demo",
        "GITHUB_WEBHOOK_SECRET": secret,
        "PORT": "0",
        "REPOSITORY_PATH": str(folder / "repositories"),
    }


async def _deliver_and_follow(
    running: Machine, secret: str, payload: dict[str, object], *, as_json: bool
) -> list[RunView]:
    """Sends the push, prints the log while it grows, and returns the runs when all are over."""
    show = _nothing if as_json else Printer(prefix=True)
    async with _bus(running) as process:
        guid = str(uuid.uuid4())
        answer = await asyncio.to_thread(_post, f"{running.addresses.ingress}/webhook", secret, guid, payload)
        click.secho(f"POST /webhook (push, signed): {answer}", err=True)
        async with asyncio.timeout(VERDICT_SECONDS):
            runs = await planned_runs(process.bus, guid)
            return await asyncio.gather(*(_follow(process.bus, path, run_id, show) for path, run_id in runs.items()))


def _nothing(line: LogLine) -> None:
    """The log is not shown."""


async def _follow(bus: Bus, path: str, run_id: RunId, show: Callable[[LogLine], None]) -> RunView:
    click.secho(f"{path}: run {run_id}", err=True)
    async with following(bus, run_id, show):
        return await finished_run(bus, run_id)


async def _show(running: Machine, views: list[RunView], *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode([summary(view) for view in views]).decode())
        return
    for view in views:
        click.echo()
        show_run(view)
        click.echo(f"page: {running.addresses.console}/runs/{view.run_id}")
    click.echo()
    await show_queries(running.settings, [view.run_id for view in views])


async def _until_interrupted(folder: Path, secret: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    click.secho("Left running; Ctrl-C ends it. In another terminal:", err=True, bold=True)
    click.echo(f"  export FIREBREAK_HOME={folder / 'home'}", err=True)
    click.echo("  .venv/bin/firebreak runs ls", err=True)
    click.echo(f"The webhook secret is {secret}", err=True)
    await stop.wait()


@asynccontextmanager
async def _bus(running: Machine) -> AsyncGenerator[Process]:
    from libs.blobs.store import open_blobs
    from libs.bus.jetstream import connect

    bus = await connect(running.addresses.nats, name="demo")
    try:
        yield Process(running.settings, bus, open_blobs(running.settings.blobs_url))
    finally:
        await bus.close()


def _post(url: str, secret: str, guid: str, payload: dict[str, object]) -> str:
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": sign(secret.encode(), body),
    }
    request = urllib.request.Request(url, body, headers)  # noqa: S310 (the address is our own)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return f"{response.status} {response.read().decode()}"
    except urllib.error.HTTPError as error:
        raise Failed(f"ingress answered {error.code}: {error.read().decode()}") from None
