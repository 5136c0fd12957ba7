"""Questions to a published snapshot, while the learner writes its own file. Read-only, with nothing outside in reach.

That a statement looks like a SELECT proves nothing (`WITH x AS (COPY ... TO '/file')` does too), so the database itself
is opened read-only, without access to files, extensions and other databases, and with its settings locked. What this
does not bound is a question's work in this process: a stranger's is asked in another one (`libs.analytics.asked`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

FOLDER = "analytics"
CURRENT = "current"
MEMORY_LIMIT = "1GB"
"""A question that needs more fails in less than a second; without a bound it fills the disk that the events need."""
THREADS = 2
ROWS_AT_ONCE = 1_000
STATEMENTS = frozenset({"SELECT", "EXPLAIN"})
"""DuckDB's types of statement that ask; SHOW, DESCRIBE, SUMMARIZE and VALUES are among SELECT. For a clear refusal:
what holds is how the file is opened."""
_NAME = re.compile(r"analytics-(\d+)\.duckdb\Z")


class NoSnapshot(Exception):
    """The learner has published nothing yet."""


class BadQuery(Exception):
    """DuckDB's word on what is wrong with the statement, or ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`rows` can be read once, while the question is open."""

    columns: tuple[str, ...]
    rows: Generator[tuple[object, ...]]


def newest_snapshot(folder: Path) -> Path:
    """The file that `current` names, resolved: the link itself is never opened. Raises NoSnapshot."""
    try:
        path = folder / os.readlink(folder / CURRENT)
    except OSError:
        raise NoSnapshot(
            f"no snapshot in {folder} yet: start the learner (`firebreak up` or `firebreak learner`)"
        ) from None
    if not path.exists():
        raise NoSnapshot(f"{path} is gone: start the learner, it publishes a new one")
    return path


def snapshot_number(path: Path) -> int:
    """It only ever grows; 0 for a file that is none."""
    match = _NAME.match(path.name)
    return int(match[1]) if match else 0


@contextmanager
def ask(folder: Path, query: str) -> Generator[Answer]:
    """Runs one statement of our own on the newest snapshot. Raises NoSnapshot, BadQuery (while the rows are read, too).

    It takes as long as it takes, in this process: `libs.analytics.asked` is for statements of others.
    """
    import duckdb

    try:
        with opened(newest_snapshot(folder)) as connection:
            check(connection, query)
            connection.execute(query)
            yield Answer(columns_of(connection), rows_of(connection))
    except duckdb.Error as error:
        raise BadQuery(str(error).strip()) from error


@contextmanager
def opened(path: Path, *, threads: int = THREADS) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection that can read this file and do nothing else. Raises duckdb.Error."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": threads,
        "temp_directory": "",
    }
    with duckdb.connect(str(path), read_only=True, config=config) as connection:
        # The facts' times are UTC without saying so: `now()` and what is compared with it have to mean the same.
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Raises BadQuery for two statements, for none and for one that does not ask; duckdb.Error where it is no SQL."""
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise BadQuery(f"expected one statement, there are {len(statements)}")
    kind = str(statements[0].type).rpartition(".")[2]
    if kind not in STATEMENTS:
        raise BadQuery(f"{kind} does not ask: a snapshot is for SELECT, SHOW, DESCRIBE, SUMMARIZE and EXPLAIN")


def columns_of(cursor: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    return tuple(str(column[0]) for column in cursor.description or ())


def rows_of(cursor: duckdb.DuckDBPyConnection) -> Generator[tuple[object, ...]]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield from rows
