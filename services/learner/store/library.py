"""The folder of the learner: its own file, files put aside, and the snapshots that analysts read.

    <home>/analytics/live-v<schema>.duckdb   the learner's alone; of the schema before it, one is kept
    <home>/analytics/analytics-<n>.duckdb    snapshots; `current` is a link to the newest
    <home>/analytics/aside/                  what would not open

A snapshot's name is never used twice: a process that still holds an old one open would be given the old contents again.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import shutil
import time
from collections.abc import Callable, Generator
from pathlib import Path

from libs.analytics.snapshot import CURRENT
from services.learner.store.database import Database, Unreadable, last_positions, open_database, wal
from services.learner.store.schema import SCHEMA_VERSION
from services.learner.store.successor import Successor
from services.learner.store.verifying import verify

SNAPSHOTS_KEPT = 2
SNAPSHOT_GRACE_SECONDS = 60.0
"""A reader has resolved the link and opens the file within this time; an open file outlives its name."""
ASIDE_KEPT = 2
"""For whoever wants to know what had happened; more would fill the disk of a host whose disk is the trouble."""
_SNAPSHOT = re.compile(r"analytics-(\d+)\.duckdb\Z")
_LIVE = re.compile(r"live-v(\d+)\.duckdb")


class NotCopied(Exception):
    """A snapshot does not hold what the live file holds; it was not published."""


class Library:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.live = folder / f"live-v{SCHEMA_VERSION}.duckdb"
        self.successor = Successor(self.live)
        self._suspect = self.live.with_name(self.live.name + ".suspect")

    @contextlib.contextmanager
    def writing(self) -> Generator[bool]:
        """Holds the folder for one learner; false where another has it. The lock ends with the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "learner.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def open(self, aside: Callable[[str], None]) -> Database:
        """Opens the live file, or its successor where one is ready. Where it will not open, `aside` is told why and it
        is made anew: of the newest snapshot that is whole, or empty. Raises Busy.

        The file of another schema stays, and so do its snapshots, until this one has been read up to the log's end.
        """
        if self.successor.ready.exists():
            self.put_aside()
            self.successor.ready.replace(self.live)
        try:
            if self._suspect.exists():
                verify(self.live)
                self._suspect.unlink()
            return open_database(self.live)
        except Unreadable as error:
            aside(str(error))
            self.put_aside()
            self._from_snapshot()
            return open_database(self.live)

    def suspect(self) -> None:
        """DuckDB could not write: the next to open the file reads all of it first, for it may be damaged where opening
        does not look."""
        self._suspect.touch()

    def _from_snapshot(self) -> None:
        """A snapshot is the file as it was seconds ago, with its place in the log: what came since is read there."""
        unfinished = self.live.with_suffix(".unfinished")
        for _, snapshot in sorted(self._snapshots().items(), reverse=True)[:SNAPSHOTS_KEPT]:
            shutil.copyfile(snapshot, unfinished)
            try:
                verify(unfinished)
            except Unreadable:
                continue
            unfinished.replace(self.live)
            return

    def put_aside(self) -> None:
        folder = self.folder / "aside"
        folder.mkdir(exist_ok=True)
        stamp = time.time_ns()
        for path in (self.live, wal(self.live)):
            if path.exists():
                path.replace(folder / f"{stamp}-{path.name}")
        self._suspect.unlink(missing_ok=True)
        stamps = sorted({path.name.partition("-")[0] for path in folder.iterdir()})
        for old in stamps[:-ASIDE_KEPT]:
            for path in folder.glob(f"{old}-*"):
                path.unlink()

    def publish(self, database: Database) -> Path:
        """Copies what is committed into a new snapshot and points `current` at it. Raises NotCopied, Unreadable."""
        database.derive()
        database.checkpoint()
        positions = database.positions()
        log = wal(database.path)
        if log.exists() and log.stat().st_size:
            raise NotCopied(f"{log} is not empty after a checkpoint")
        path = self.folder / f"analytics-{self._next_number(positions)}.duckdb"
        unfinished = path.with_suffix(".unfinished")
        try:
            shutil.copyfile(database.path, unfinished)
        except OSError as error:  # a full disk, most of all: the snapshot before it stays
            unfinished.unlink(missing_ok=True)
            raise NotCopied(f"{database.path} could not be copied to {unfinished.name}: {error.strerror}") from error
        if last_positions(unfinished) != positions:
            unfinished.unlink()
            raise NotCopied(f"the copy of {database.path} is not at {positions}")
        unfinished.replace(path)
        self._point_at(path)
        self._remove_old()
        self._remove_older_schemas()
        return path

    def _next_number(self, positions: dict[str, int]) -> int:
        """The messages that are in, or one more than the newest snapshot's: it only ever grows."""
        return max(sum(positions.values()), *(number + 1 for number in self._snapshots()), 0)

    def _snapshots(self) -> dict[int, Path]:
        found = {path: _SNAPSHOT.match(path.name) for path in self.folder.iterdir()}
        return {int(match[1]): path for path, match in found.items() if match}

    def _point_at(self, path: Path) -> None:
        link = self.folder / f"{CURRENT}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(path.name)
        link.replace(self.folder / CURRENT)

    def _remove_old(self) -> None:
        snapshots = self._snapshots()
        for number in sorted(snapshots)[:-SNAPSHOTS_KEPT]:
            path = snapshots[number]
            if time.time() - path.stat().st_mtime > SNAPSHOT_GRACE_SECONDS:
                path.unlink()
        for path in self.folder.glob("*.unfinished"):
            path.unlink()

    def _remove_older_schemas(self) -> None:
        """Of the older ones the newest stays, for whoever goes back; what is newer than ours is not ours to remove."""
        versions: dict[int, list[Path]] = {}
        for path in self.folder.glob("live-v*.duckdb*"):
            if number := _LIVE.match(path.name):
                versions.setdefault(int(number[1]), []).append(path)
        older = sorted(version for version in versions if version < SCHEMA_VERSION)
        for version in older[:-1]:
            for path in versions[version]:
                path.unlink(missing_ok=True)
