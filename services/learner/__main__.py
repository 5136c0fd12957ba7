"""The learner's process: tails the log from its own place, writes DuckDB, publishes snapshots for analysts, and
says what it learned.

*Consumes:* DELIVERIES and EVENTS, all of them, without a consumer on the server: its place is in its own file.
*Emits:* `AdviceGiven` and `AdviceMeasured` on `ev.advice.>`, `FailureRecognized` on `ev.recognition.>`, once it has
read the log to its end.
*Owns:* `<home>/analytics`: its DuckDB file and the snapshots; `<home>/archive`: closed days of both streams.
"""

from __future__ import annotations

import asyncio

from libs import process
from libs.analytics.snapshot import FOLDER
from libs.process import Process
from libs.telemetry import log
from services.learner.session import Renewed, serve_file
from services.learner.store.library import Library

LOCK_SECONDS = 1.0
"""A second learner stands by and looks this often whether the first is gone."""

_log = log.get("learner")


async def serve(process: Process) -> None:
    """Runs until cancelled. Raises UnexplainedHole, BusDown, Busy, NotStored: the next start goes on where the file
    says, or rebuilds it.
    """
    library = Library(process.settings.home / FOLDER)
    waiting = False
    while True:
        with library.writing() as mine:
            if mine:
                await _serve(process, library)
        if not waiting:
            _log.info("another learner has this folder; standing by", folder=library.folder)
            waiting = True
        await asyncio.sleep(LOCK_SECONDS)


async def _serve(process: Process, library: Library) -> None:
    while True:
        try:
            await serve_file(process, library)
        except Renewed:
            _log.info("a file that was made from the whole log takes over", folder=library.folder)


def main() -> None:
    process.main("learner", serve)


if __name__ == "__main__":
    main()
