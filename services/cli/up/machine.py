"""The whole system on this machine: a home, NATS, the services, and word of where they can be reached."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from libs.bus.server import NatsServer, NatsUser, NoServer
from libs.settings import Settings, read_settings
from libs.telemetry import log
from libs.vault.key import ensure_key
from services.cli.connection import UP_FILE, Addresses
from services.cli.outcome import Failed, Unreachable, Usage
from services.cli.up.children import children
from services.cli.up.supervisor import Supervisor

READY_SECONDS = 60.0
"""From a cold disk on a busy machine; a second is usual."""
POLL_SECONDS = 0.05
NATS_PORT = 4222
"""NATS's own default, so that agents elsewhere and `nats` tools find it; any free port where it is taken."""

logger = log.get("up")


@dataclass(frozen=True, slots=True)
class Ports:
    ingress: int
    console: int
    analytics: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs, for whoever started it."""

    addresses: Addresses
    settings: Settings
    supervisor: Supervisor


@asynccontextmanager
async def machine(environment: Mapping[str, str], log_file: Path | None = None) -> AsyncGenerator[Machine]:
    """Everything started and ready inside, ended at the exit. `environment` is what `up` would have been started with.

    Raises Usage for a setting that is wrong, Failed where the home is in use, Unreachable where a part never came up.
    """
    settings = read_settings(environment)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_locked(settings.home))
        if not settings.secrets_key:
            ensure_key(settings.home)
        nats_url = environment.get("NATS_URL") or await stack.enter_async_context(_nats(settings))
        ports = Ports(
            settings.port or _free_port(), settings.console_port or _free_port(), _analytics_port(environment, settings)
        )
        resolved = _environment(environment, settings, nats_url, ports)
        supervisor = await stack.enter_async_context(Supervisor(children(resolved), log_file))
        found = Addresses(
            pid=os.getpid(),
            nats=nats_url,
            ingress=f"http://{settings.host}:{ports.ingress}",
            console=f"http://{settings.host}:{ports.console}",
            analytics=f"http://{settings.host}:{ports.analytics}",
        )
        await _until_ready(found, supervisor)
        stack.enter_context(_written(settings.home / UP_FILE, found))
        yield Machine(found, read_settings(resolved), supervisor)


def _environment(environment: Mapping[str, str], settings: Settings, nats_url: str, ports: Ports) -> dict[str, str]:
    """What the children are started from: every address settled, so that all of them agree."""
    public = environment.get("FIREBREAK_PUBLIC_URL") or f"http://{settings.host}:{ports.console}"
    return {
        **environment,
        "NATS_URL": nats_url,
        "FIREBREAK_HOME": str(settings.home),
        "PORT": str(ports.ingress),
        "FIREBREAK_CONSOLE_PORT": str(ports.console),
        "FIREBREAK_ANALYTICS_PORT": str(ports.analytics),
        "FIREBREAK_PUBLIC_URL": public,
    }


@contextlib.contextmanager
def _locked(home: Path) -> Generator[None]:
    """One `up` a home."""
    with (home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(
                f"another `firebreak up` runs in {home}; stop it, or set FIREBREAK_HOME to another folder"
            ) from None
        yield


@asynccontextmanager
async def _nats(settings: Settings) -> AsyncGenerator[str]:
    """A NATS of our own, started again when it dies."""
    port = NATS_PORT if _is_free(NATS_PORT) else 0
    # Without a password any process of this machine could write to the log, a job in a sandbox with network included.
    user = NatsUser("firebreak", secrets.token_urlsafe(32))
    server = NatsServer(settings.home / "nats", port=port, sync_always=settings.sync_always, users=(user,))
    try:
        await server.start()
    except NoServer as error:
        raise Unreachable(str(error)) from None
    keeper = asyncio.create_task(_keep(server))
    try:
        yield server.url
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await server.stop()


async def _keep(server: NatsServer) -> None:
    while True:
        code = await server.wait()
        logger.warning("nats-server died and is started again", code=code)
        await server.start()


async def _until_ready(found: Addresses, supervisor: Supervisor) -> None:
    """Ingress and console answer. Raises Usage where a service refuses its settings."""
    checks = asyncio.gather(_answers(f"{found.ingress}/readyz"), _answers(f"{found.console}/readyz"))
    refused = asyncio.create_task(supervisor.refused())
    try:
        async with asyncio.timeout(READY_SECONDS):
            await asyncio.wait({checks, refused}, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise Unreachable(
            f"not every service was ready after {READY_SECONDS:.0f} s; its own lines above say why"
        ) from None
    finally:
        checks.cancel()
        refused.cancel()
        await asyncio.gather(checks, refused, return_exceptions=True)
    if not refused.cancelled():
        raise Usage(f"{refused.result()} refuses its settings; its own line above says which")


async def _answers(url: str) -> None:
    while not await asyncio.to_thread(_is_ready, url):
        await asyncio.sleep(POLL_SECONDS)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (the address is our own)
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def _written(path: Path, found: Addresses) -> Generator[None]:
    path.touch(mode=0o600)
    path.chmod(0o600)  # it holds the password of the bus
    path.write_bytes(msgspec.json.encode(found))
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _analytics_port(environment: Mapping[str, str], settings: Settings) -> int:
    """Its usual port, or any free one where that is taken and nobody named it: no reason not to start."""
    port = settings.analytics_port
    named = bool(environment.get("FIREBREAK_ANALYTICS_PORT"))
    return port if port and (named or _is_free(port)) else _free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
