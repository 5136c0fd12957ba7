"""SQL over HTTP for analysts: one question, read-only, to the newest snapshot of what was learned.

*Consumes:* nothing; it needs no bus. It reads the snapshots in `<home>/analytics`.
*Emits:* nothing; it is read-only.
*Owns:* nothing. Each question is answered by a process that can open these snapshots and do nothing else.
"""

from __future__ import annotations

import asyncio

from libs import process
from libs.analytics import confinement
from libs.analytics.snapshot import FOLDER
from libs.settings import Settings
from libs.telemetry import log
from libs.telemetry.metrics import Metrics
from libs.web import serve_http
from services.analytics.answerers import Answerers
from services.analytics.app import application

MAX_CONNECTIONS = 256
"""Most of them idle: how many questions are in hand at once is bounded elsewhere."""

_log = log.get("analytics")


async def serve(settings: Settings, metrics: Metrics) -> None:
    """Runs until cancelled. Raises BadSetting where it cannot listen."""
    confine()
    answerers = Answerers(settings.home / FOLDER)

    def ready(port: int) -> None:
        _log.info("listening", host=settings.host, port=port, token=bool(settings.analytics_token))

    app = application(answerers, settings, metrics)
    server = asyncio.create_task(
        serve_http(app, settings.host, settings.analytics_port, ready=ready, max_connections=MAX_CONNECTIONS)
    )
    try:
        await asyncio.shield(server)
    finally:
        # Questions end first, or the server would wait for their answers.
        await answerers.close()
        server.cancel()
        await asyncio.wait([server])


def confine() -> None:
    """From here on this process and those that it starts write no file, whatever they are brought to try."""
    why_not = confinement.write_nothing()
    if why_not:
        _log.warning("the kernel does not keep this process from writing; its limits do", why=why_not)
    if not confinement.logs_into_a_file():
        confinement.forbid_growing_files()


def main() -> None:
    process.main_without_bus("analytics", serve)


if __name__ == "__main__":
    main()
