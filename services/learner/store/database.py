"""The learner's DuckDB file: the only module of the service that opens DuckDB.

Exactly once: facts, keys and the positions of the streams are one transaction, so after a crash the file says itself
where to go on. One process writes (a lock beside the file holds others off), and nobody reads this file: analysts get
snapshots. A file that will not open is put aside, for it can be replayed from the log.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from libs.contracts import subjects
from services.learner.store.arrow import arrow_table
from services.learner.store.batch import Batch
from services.learner.store.columns import Columns, columns
from services.learner.store.deriving import derive
from services.learner.store.recognizing import SeenBefore, seen_before
from services.learner.store.schema import (
    COMMAND_KEY,
    COMMIT_KEY,
    CURSOR,
    FINGERPRINT_KEY,
    JOB_KEY,
    JOB_LABEL,
    REF_KEY,
    SCHEMA_VERSION,
    SKIPPED,
    STEP_KEY,
    TABLES,
    WORKFLOW_KEY,
    WORKFLOW_LABEL,
)
from services.learner.store.stored_keys import load_keys
from services.learner.store.table import Table
from services.learner.store.views import VIEWS

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "512MB"
"""DuckDB's buffers while writing; a full replay batch needs a tenth of it."""
THREADS = 2
"""Appending is one thread's work; the second compresses at a checkpoint."""
ANCHORS = 100
"""Newest remembered positions that are compared with the stream: the last ones may have been erased."""


class Unreadable(Exception):
    """The file cannot be opened, or is not what this version writes; it can be rebuilt."""


class Busy(Exception):
    """Another process has the file open; it is no damage."""


class NotStored(Exception):
    """DuckDB could not write: its own words, with the file's name."""


class Database:
    """Open one with `open_database`. Not for two threads at once."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path, self._connection = path, connection
        self._keys = load_keys(connection)
        self._whole = True

    def positions(self) -> dict[str, int]:
        """How far each stream is in, 0 for one that was never read is left out."""
        return _positions(self._connection)

    def anchors(self, stream: str) -> list[tuple[int, str]]:
        """(place, hash of the message there), newest first."""
        rows = self._connection.execute(
            f"SELECT last_seq, anchor FROM cursor WHERE stream = ? ORDER BY last_seq DESC LIMIT {ANCHORS}",  # noqa: S608  # a constant
            [stream],
        ).fetchall()
        return [(int(seq), str(anchor)) for seq, anchor in rows]

    def write(self, batch: Batch) -> None:
        """Stores a batch, or nothing of it: then it raises NotStored, and every later write raises Unreadable, for it
        would leave a hole.
        """
        if not self._whole:
            raise Unreadable(f"{self.path}: a batch before this one was not stored")
        self._whole = False
        kids = self._keys.resolve(batch.facts)
        with _writing(self.path):
            self._connection.execute("BEGIN")
            for table, values in columns(batch.facts, kids):
                self._insert(table, values)
            self._insert_keys()
            self._insert_positions(batch)
            self._connection.execute("COMMIT")
        self._keys.batch_done()
        self._whole = True

    def derive(self) -> None:
        """Sums of days, and what broke and mended, as of all that is stored. Raises NotStored."""
        with _writing(self.path):
            derive(self._connection, self.positions().get(subjects.EVENTS, 0))

    def seen_before(self, fingerprint: str, run_id: int) -> SeenBefore:
        """What is known of a failure besides that run, as of all that is stored."""
        self.derive()
        return seen_before(self._connection, fingerprint, run_id)

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """For questions between two batches, in the writer's own thread; whoever asks writes nothing."""
        return self._connection

    def checkpoint(self) -> None:
        """Moves all that is committed into the file itself, so that a copy of it is complete. Raises NotStored."""
        with _writing(self.path):
            self._connection.execute("CHECKPOINT")

    def close(self) -> None:
        self._connection.close()

    def _insert(self, table: Table, values: Columns) -> None:
        if not values or not values[0]:
            return
        self._connection.register("batch", arrow_table(table, values))
        self._connection.execute(f"INSERT INTO {table.name} SELECT * FROM batch")  # noqa: S608  # a constant name
        self._connection.unregister("batch")

    def _insert_keys(self) -> None:
        names, said = self._keys.names, self._keys.said
        self._insert(WORKFLOW_KEY, _transposed([(kid, *key) for key, kid in names.workflows.added]))
        self._insert(WORKFLOW_LABEL, _transposed(names.workflow_labels.added))
        self._insert(JOB_KEY, _transposed([(kid, *key) for key, kid in names.jobs.added]))
        self._insert(JOB_LABEL, _transposed(names.job_labels.added))
        self._insert(STEP_KEY, _transposed([(kid, *key) for key, kid in names.steps.added]))
        self._insert(COMMAND_KEY, _transposed([(kid, key) for key, kid in names.commands.added]))
        self._insert(FINGERPRINT_KEY, _transposed([(kid, key, said[key]) for key, kid in names.fingerprints.added]))
        self._insert(COMMIT_KEY, _transposed([(kid, *key) for key, kid in names.commits.added]))
        self._insert(REF_KEY, _transposed([(kid, *key) for key, kid in names.refs.added]))

    def _insert_positions(self, batch: Batch) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        cursors = [(name, p.seq, p.anchor, p.events, now) for name, p in batch.positions().items()]
        self._insert(CURSOR, _transposed(cursors))
        self._insert(SKIPPED, _transposed([(*key, count) for key, count in batch.skipped.items()]))


@contextlib.contextmanager
def _writing(path: Path) -> Generator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise NotStored(f"{path}: {error}") from error


def open_database(path: Path) -> Database:
    """Opens or makes the file. Raises Unreadable, or Busy where another process has it open."""
    import duckdb

    try:
        connection = duckdb.connect(
            str(path), config={"memory_limit": MEMORY_LIMIT, "threads": THREADS, "temp_directory": ""}
        )
    except duckdb.Error as error:
        raise _refusal(path, error) from error
    try:
        _prepare(path, connection)
        return Database(path, connection)
    except duckdb.Error as error:
        with contextlib.suppress(duckdb.Error):
            connection.close()
        raise _refusal(path, error) from error
    except Unreadable:
        connection.close()
        raise


def last_positions(path: Path) -> dict[str, int]:
    """The positions in a file that nobody writes: a snapshot's check. Raises Unreadable."""
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return _positions(connection)
    except duckdb.Error as error:
        raise Unreadable(f"{path}: {error}") from error


def _positions(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = connection.execute("SELECT stream, max(last_seq) FROM cursor GROUP BY stream").fetchall()
    return {str(stream): int(last) for stream, last in rows}


def wal(path: Path) -> Path:
    """DuckDB's log beside a file: what is committed and not in the file yet."""
    return path.with_name(path.name + ".wal")


def _refusal(path: Path, error: Exception) -> Exception:
    if "onflicting lock" in str(error):
        return Busy(f"{path} is open in another process; query the snapshots beside it instead (`firebreak sql`)")
    return Unreadable(f"{path}: {error}")


def _prepare(path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Makes tables and views in a new file, in one transaction; checks an old one."""
    there = {str(name) for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not there:
        connection.execute("BEGIN")
        connection.execute(f"CREATE TABLE schema_version AS SELECT {SCHEMA_VERSION} AS version")
        for table in TABLES:
            connection.execute(table.ddl)
        for view in VIEWS:
            connection.execute(view)
        connection.execute("COMMIT")
        return
    if "schema_version" not in there:
        raise Unreadable(f"{path} was not written by the learner")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    if row is None or row[0] != SCHEMA_VERSION:
        raise Unreadable(f"{path} has schema {row and row[0]}, this learner writes {SCHEMA_VERSION}")


def _transposed(rows: Sequence[tuple[object, ...]]) -> Columns:
    return [list(column) for column in zip(*rows, strict=True)]
