"""The console's SQLite file as its writer sees it: rows and place in one transaction, so every message counts once.

The log is the truth and this file a copy: one that is of another stream, of another version or damaged is emptied and
folded anew. Blocking; the event loop calls it through a thread, one call at a time, so that a slow disk stalls no page.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Iterable
from pathlib import Path

import msgspec

from libs.bus.port import Extent
from libs.contracts.ids import RunId
from services.console.projection import Changes
from services.console.rows import IntakeRow, RunRow
from services.console.schema import CREATE, PUT_EVENT, PUT_INTAKE, PUT_RUN, SCHEMA_VERSION, TABLES

BUSY_SECONDS = 5.0
"""Another process (a console that is being replaced) may be writing; its transactions take milliseconds."""
CACHE_KIB = 2048
"""SQLite's page cache of one connection: the lists' indices fit, and an idle console stays small."""

LARGEST = 2**63 - 1
"""SQLite's integers end here, a payload's need not: such a number is shown wrong, and stops nothing."""


class Moved(Exception):
    """Somebody else wrote to the file meanwhile: it is at `seq` now, and nothing of this batch was written."""

    def __init__(self, seq: int) -> None:
        super().__init__(f"another console wrote to this file, which is at {seq} now")
        self.seq = seq


class Store:
    """The one writer of this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def open(self, extent: Extent) -> int:
        """Opens or makes the file for the stream of that extent; how far it is. Raises OSError, sqlite3.Error."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open(extent)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self.discard()
            return self._open(extent)

    def discard(self) -> None:
        """A damaged file goes: everything in it can be read again."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path}{suffix}").unlink(missing_ok=True)

    def rows(self, run_ids: Iterable[RunId]) -> dict[RunId, RunRow]:
        """The rows of these runs, as far as there are any."""
        found: dict[RunId, RunRow] = {}
        for run_id in run_ids:
            row = self._db.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchone()
            if row is not None:
                found[run_id] = msgspec.convert(dict(row), RunRow)
        return found

    def write(self, changes: Changes, after: int, seq: int) -> None:
        """Stores what the messages behind `after` up to `seq` changed, or nothing. Raises Moved."""
        with self._transaction() as db:
            at = int(db.execute("SELECT seq FROM meta").fetchone()[0])
            if at != after:
                raise Moved(at)
            db.executemany(PUT_EVENT, [(row.seq, row.run_id, row.job, row.n, row.data) for row in changes.events])
            db.executemany(PUT_RUN, [_columns(row) for row in changes.rows()])
            db.executemany(PUT_INTAKE, [_columns(row) for row in changes.intakes])
            db.execute("UPDATE meta SET seq = ?, skipped = skipped + ?", (seq, changes.skipped))

    def prune(self, first: int) -> int:
        """Forgets what the log has forgotten: runs and deliveries of which everything is older than place `first`."""
        with self._transaction() as db:
            db.execute("DELETE FROM event WHERE run_id IN (SELECT run_id FROM run WHERE last_seq < ?)", (first,))
            runs = db.execute("DELETE FROM run WHERE last_seq < ?", (first,)).rowcount
            db.execute("DELETE FROM intake WHERE seq < ?", (first,))
        return runs

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError(f"{self._path} is not open")
        return self._connection

    def _open(self, extent: Extent) -> int:
        self._connection = connect(self._path)
        # In WAL mode NORMAL loses no consistency: after a power cut the file is a little behind, and so is its place.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._transaction() as db:
            if not _fits(db, extent):
                _make_anew(db, extent)
            return int(db.execute("SELECT seq FROM meta").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def connect(path: Path) -> sqlite3.Connection:
    """A connection with rows by name; transactions are begun and ended by hand."""
    # The thread changes from call to call, but two calls never overlap.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is no database, or a broken one: SQLite raises the class itself for that, and for a lock, a full
    disk or a mistake of ours a class below it, which the loss of the file would not cure.
    """
    return type(error) is sqlite3.DatabaseError


def _fits(db: sqlite3.Connection, extent: Extent) -> bool:
    """Whether the file was made by this version from this very stream."""
    if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        return False
    row = db.execute("SELECT created, seq FROM meta").fetchone()
    return row is not None and row["created"] == extent.created.isoformat() and row["seq"] <= extent.last


def _make_anew(db: sqlite3.Connection, extent: Extent) -> None:
    for table in TABLES:
        db.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in CREATE:
        db.execute(statement)
    db.execute("INSERT INTO meta VALUES (?, 0, 0)", (extent.created.isoformat(),))
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _columns(row: RunRow | IntakeRow) -> tuple[object, ...]:
    """Times and lists as text; numbers and texts as they are."""
    return tuple(_cell(getattr(row, name)) for name in row.__struct_fields__)


def _cell(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return max(-LARGEST, min(value, LARGEST))
    text = msgspec.json.encode(value).decode()
    return text.strip('"') if text.startswith('"') else text
