"""One service as one process: settings, bus and blobs opened, SIGTERM turned into a clean end.

A service is `async def serve(process)`, which runs until it is cancelled; it knows neither signals nor the environment,
so several of them can share one event loop on an in-memory bus.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from libs.blobs.port import Blobs
from libs.bus.port import Bus, BusDown
from libs.environment import BadSetting
from libs.settings import Settings, read_settings, without_password
from libs.telemetry import log
from libs.telemetry.metrics import Metrics

EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
BUS_WAIT_SECONDS = 60.0
"""A service may start before its bus: longer than NATS needs with a full store, shorter than a supervisor waits."""


@dataclass(frozen=True)
class Process:
    """What a service is given."""

    settings: Settings
    bus: Bus
    blobs: Blobs
    metrics: Metrics = field(default_factory=Metrics)


Serve = Callable[[Process], Awaitable[None]]
ServeAlone = Callable[[Settings, Metrics], Awaitable[None]]


def main(name: str, serve: Serve) -> None:
    """Runs one service until SIGTERM or SIGINT; exits 0 then, 2 on a bad setting, 3 without a bus."""
    _main(name, lambda settings: _with_bus(name, serve, settings))


def main_without_bus(name: str, serve: ServeAlone) -> None:
    """The same for a service that needs no bus."""
    _main(name, lambda settings: serve(settings, Metrics()))


def _main(name: str, serve: Callable[[Settings], Awaitable[None]]) -> None:
    try:
        settings = read_settings()
    except BadSetting as error:
        sys.stderr.write(f"firebreak {name}: {error}\n")
        sys.exit(EXIT_USAGE)
    log.configure(settings.log_format)
    sys.exit(asyncio.run(_run(name, serve, settings)))


async def _run(name: str, serve: Callable[[Settings], Awaitable[None]], settings: Settings) -> int:
    task = asyncio.ensure_future(serve(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    logger = log.get(name)
    try:
        await task
    except asyncio.CancelledError:
        logger.info("stopped")
        return 0
    except BadSetting as error:
        sys.stderr.write(f"firebreak {name}: {error}\n")
        return EXIT_USAGE
    except BusDown as error:
        logger.error(
            "no bus",
            why=error,
            url=without_password(settings.nats_url),
            hint="start it with `firebreak up`, or set NATS_URL",
        )
        return EXIT_UNREACHABLE
    return 0


async def _with_bus(name: str, serve: Serve, settings: Settings) -> None:
    from libs.blobs.store import open_blobs
    from libs.bus.jetstream import connect
    from libs.bus.streams import prepare

    bus = await connect(settings.nats_url, name=name, wait_seconds=BUS_WAIT_SECONDS)
    try:
        await prepare(bus)
        process = Process(settings, bus, open_blobs(settings.blobs_url))
        if settings.metrics_port is not None:
            process.metrics.serve(settings.host, settings.metrics_port)
        await serve(process)
    finally:
        await bus.close()
