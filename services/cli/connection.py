"""How a command finds the system: `NATS_URL`, or what a running `firebreak up` wrote down, or the default address."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from libs.blobs.port import Blobs
from libs.bus.port import Bus, BusDown
from libs.settings import Settings, read_settings, without_password
from services.cli.outcome import Unreachable

CONNECT_SECONDS = 3.0
"""A person waits; a bus that is there answers in milliseconds."""
UP_FILE = "up.json"

P = ParamSpec("P")
R = TypeVar("R")


class Addresses(msgspec.Struct, frozen=True):
    """Where a running `firebreak up` can be reached; kept in its home while it runs."""

    pid: int
    nats: str
    ingress: str
    console: str
    analytics: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    settings: Settings
    bus: Bus
    blobs: Blobs


def addresses(home: Path) -> Addresses | None:
    """What `up` wrote down, if it still runs."""
    try:
        found = msgspec.json.decode((home / UP_FILE).read_bytes(), type=Addresses)
        os.kill(found.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return found


@asynccontextmanager
async def connected() -> AsyncGenerator[Connection]:
    """The bus and the blobs of the running system. Raises Failed (exit code 3) where there is none."""
    from libs.blobs.store import open_blobs
    from libs.bus.jetstream import connect

    settings = read_settings()
    running = addresses(settings.home)
    url = running.nats if running and not os.environ.get("NATS_URL") else settings.nats_url
    try:
        bus = await connect(url, name="cli", wait_seconds=CONNECT_SECONDS)
    except BusDown as error:
        raise Unreachable(f"{error}. Start one with `firebreak up`, or set NATS_URL.") from None
    try:
        yield Connection(settings, bus, open_blobs(settings.blobs_url))
    except BusDown as error:
        raise Unreachable(f"the bus at {without_password(url)} went away: {error}") from None
    finally:
        await bus.close()


def coroutine(function: Callable[P, Coroutine[object, object, R]]) -> Callable[P, R]:
    """Lets a Click command be `async def`."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return asyncio.run(function(*args, **kwargs))

    return run
