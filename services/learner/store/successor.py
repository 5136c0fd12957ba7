"""A file that is made beside the live one, by another process, to take its place when it is whole.

    <home>/analytics/live-v<schema>.duckdb.next    being made
    <home>/analytics/live-v<schema>.duckdb.ready   whole; whoever holds the folder puts it in the live one's place

Until then nobody notices: the learner goes on with its own file, and analysts with its snapshots.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Generator
from pathlib import Path

from services.learner.store.database import Database, open_database, wal


class BeingMade(Exception):
    """Another process makes one just now."""


class Successor:
    def __init__(self, live: Path) -> None:
        self.unfinished = live.with_name(live.name + ".next")
        self.ready = live.with_name(live.name + ".ready")

    @contextlib.contextmanager
    def making(self) -> Generator[Database]:
        """A new, empty file, for this process alone; it is removed unless it was finished. Raises BeingMade."""
        self.unfinished.parent.mkdir(parents=True, exist_ok=True)
        with self.unfinished.with_name("replay.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BeingMade(f"{self.unfinished} is being made by another process") from None
            self._remove()
            database = open_database(self.unfinished)
            try:
                yield database
            finally:
                database.close()
                self._remove()

    def finish(self, database: Database) -> None:
        """Closes the file and declares it whole; one that was ready before it and was not taken goes."""
        database.checkpoint()
        database.close()
        self.unfinished.replace(self.ready)

    def _remove(self) -> None:
        for path in (self.unfinished, wal(self.unfinished)):
            path.unlink(missing_ok=True)
