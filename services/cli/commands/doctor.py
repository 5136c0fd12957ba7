"""`firebreak doctor`: what works on this machine, found out by doing it, and what to do about the rest."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import msgspec

from libs.environment import BadSetting
from libs.settings import Settings, read_settings, without_password
from services.cli import outcome, words
from services.cli.checks import drivers, machines
from services.cli.checks.finding import MARKS, Finding
from services.cli.connection import addresses, coroutine

LEAST_PYTHON = (3, 11)
ANSWER_SECONDS = 2.0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A list of findings as JSON: what, state, says.")
@coroutine
async def command(*, as_json: bool) -> int:
    """Tries everything that Firebreak needs here and says what is missing and what to do.

    Each driver boots a guest, or runs a command in a sandbox, in a folder that is removed: half a minute where guests
    are emulated. Exits 1 where something is damaged, or missing without which `firebreak up` does not run.

    Example: firebreak doctor --json
    """
    progress = _Progress()
    try:
        settings = read_settings()
    except BadSetting as error:
        findings = [Finding("settings", "missing", str(error))]
    else:
        findings = await _findings(settings, progress.tell)
    progress.over()
    if as_json:
        click.echo(msgspec.json.encode(findings).decode())
    else:
        for finding in findings:
            click.echo(words.plain(f"{MARKS[finding.state]} {finding.what}: {finding.says}"))
    return outcome.RUN_FAILED if any(each.state == "missing" for each in findings) else outcome.OK


async def _findings(settings: Settings, tell: Callable[[str], object]) -> list[Finding]:
    checks: dict[str, Callable[[Settings], Awaitable[Finding]]] = {
        "Python": _python,
        "git": _git,
        "NATS": _nats_binary,
        "running system": _bus,
        "home": _home,
        "cgroups": machines.groups,
        "image": machines.image,
        "network": machines.network,
    }
    findings: list[Finding] = []
    for what, check in checks.items():
        tell(what)
        findings.append(await check(settings))
    return [*findings, *await drivers.findings(settings, tell), await _secret(settings), await _token(settings)]


class _Progress:
    """What is just being tried, on a terminal; nothing elsewhere, where only findings are wanted."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def tell(self, what: str) -> None:
        if self._shown:
            click.echo(f"\r\x1b[K… {what}", err=True, nl=False)

    def over(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)


async def _python(settings: Settings) -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    works = sys.version_info[:2] >= LEAST_PYTHON
    return Finding("Python", "works" if works else "missing", found if works else f"{found}; 3.11 or newer is needed")


async def _git(settings: Settings) -> Finding:
    path = shutil.which("git")
    if path is None:
        return Finding("git", "missing", "not on the PATH: install git (Debian: apt-get install git)")
    process = await asyncio.create_subprocess_exec(path, "--version", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return Finding("git", "works", output.decode(errors="replace").strip())


async def _nats_binary(settings: Settings) -> Finding:
    """Starts one, in a folder that is gone afterwards."""
    from libs.bus.server import NatsServer, NoServer

    with tempfile.TemporaryDirectory(prefix="firebreak-doctor-") as folder:
        server = NatsServer(Path(folder))
        try:
            await server.start()
        except NoServer as error:
            return Finding("NATS of our own", "missing", str(error))
        await server.stop()
    return Finding("NATS of our own", "works", "nats-server starts and answers")


async def _bus(settings: Settings) -> Finding:
    from libs.bus.jetstream import connect
    from libs.bus.port import BusDown

    running = addresses(settings.home)
    url = running.nats if running and not os.environ.get("NATS_URL") else settings.nats_url
    try:
        bus = await connect(url, name="doctor", wait_seconds=ANSWER_SECONDS)
    except BusDown:
        return Finding("running system", "optional", f"none at {without_password(url)}; `firebreak up` starts one")
    await bus.close()
    return Finding("running system", "works", f"answers at {without_password(url)}")


async def _home(settings: Settings) -> Finding:
    try:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=settings.home):
            pass
    except OSError as error:
        why = f"{settings.home} cannot be written ({error.strerror}): set FIREBREAK_HOME to a folder of yours"
        return Finding("home", "missing", why)
    return Finding("home", "works", str(settings.home))


async def _secret(settings: Settings) -> Finding:
    if settings.webhook_secret:
        return Finding("GITHUB_WEBHOOK_SECRET", "works", "set")
    why = "not set: `firebreak up` needs it; `openssl rand -hex 32` makes one, GitHub's webhook page takes the same"
    return Finding("GITHUB_WEBHOOK_SECRET", "optional", why)


async def _token(settings: Settings) -> Finding:
    if settings.github_token:
        return Finding("GITHUB_TOKEN", "works", f"set; verdicts go to {settings.github_api_url}")
    return Finding("GITHUB_TOKEN", "optional", "not set: verdicts are reported nowhere but here")
