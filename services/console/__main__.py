"""The web page: what ran, what runs and why, with live logs.

*Consumes:* runs, attempts and intakes of EVENTS and the chunks of LOGS, without a consumer on the server: its place is
in its own file.
*Emits:* nothing; it is read-only.
*Owns:* `<home>/console.sqlite`, which can be deleted at any time: it is folded anew from the log.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from libs import process
from libs.process import Process
from libs.telemetry import log
from libs.web import serve_http
from services.console.app import application
from services.console.changes import Hub
from services.console.live import MAX_CLIENTS, Seats
from services.console.logs import Logs
from services.console.metrics import counts
from services.console.pages import Pages
from services.console.queries import Queries
from services.console.reading import Reader, in_thread
from services.console.runs import Runs
from services.console.security import Guarded
from services.console.store import Store
from services.console.templating import Templates

FILE = "console.sqlite"
MAX_CONNECTIONS = MAX_CLIENTS + 800
"""Event streams, and pages beside them; idle ones included, each costs some 20 KB."""

_log = log.get("console")


@dataclass(frozen=True, slots=True)
class Console:
    """One console: its application, and the reader that keeps the projection behind it up to date."""

    app: Guarded
    reader: Reader
    store: Store
    hub: Hub
    seats: Seats


def console(process: Process) -> Console:
    path = process.settings.home / FILE
    counted, hub, queries, store = counts(process.metrics), Hub(), Queries(path), Store(path)
    seats = Seats(counted)
    reader = Reader(process.bus, process.blobs, store, hub, counted)
    runs = Runs(queries, reader.plan)
    logs = Logs(process.bus, process.blobs, runs, hub)
    pages = Pages(queries, runs, logs, hub, seats, reader, process.bus, Templates())
    return Console(application(pages, process.bus, process.metrics, process.settings), reader, store, hub, seats)


async def serve(process: Process) -> None:
    """Runs until cancelled. Raises BadSetting where it cannot listen, BusDown, sqlite3.Error."""
    settings = process.settings
    made = console(process)

    def ready(port: int) -> None:
        _log.info("listening", host=settings.host, port=port)

    await made.reader.open()
    tasks = [
        asyncio.create_task(made.reader.run()),
        asyncio.create_task(
            serve_http(made.app, settings.host, settings.console_port, ready=ready, max_connections=MAX_CONNECTIONS)
        ),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        # Event streams let go first, or the server would wait for them.
        made.hub.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await in_thread(made.store.close)


def main() -> None:
    process.main("console", serve)


if __name__ == "__main__":
    main()
