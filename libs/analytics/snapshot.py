"""Questions to a published snapshot, while the learner writes its own file. Read-only, with nothing outside in reach.

That a statement looks like a SELECT proves nothing (`WITH x AS (COPY ... TO '/file')` does too), so the database itself
is opened read-only, without access to files, extensions and other databases, and with its settings locked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import duckdb

Result = TypeVar("Result")

FOLDER = "analytics"
CURRENT = "current"
MEMORY_LIMIT = "1GB"
"""A question that needs more fails in less than a second; without a bound it fills the disk that the events need."""
THREADS = 2
QUERY_SECONDS = 120.0
"""Longer than any question about ten million steps takes; then it is interrupted."""
ROWS_AT_ONCE = 1_000


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


@contextmanager
def ask(folder: Path, query: str) -> Generator[Answer]:
    """Runs one statement on the newest snapshot. Raises NoSnapshot, BadQuery (while the rows are read, too)."""
    import duckdb

    try:
        with _opened(newest_snapshot(folder)) as connection, _Beside(connection) as beside:
            _check(connection, query)
            cursor = beside.run(lambda: connection.execute(query))
            columns = tuple(str(column[0]) for column in cursor.description or ())
            yield Answer(columns, _rows(cursor, beside))
    except duckdb.Error as error:
        raise BadQuery(str(error).strip()) from error


class _Beside:
    """Runs DuckDB's work in a thread, because it does not look for signals: ctrl-c and the time limit interrupt it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1)
        self._over_at = time.monotonic() + QUERY_SECONDS

    def __enter__(self) -> _Beside:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    def run(self, work: Callable[[], Result]) -> Result:
        future = self._thread.submit(work)
        try:
            return future.result(max(0.0, self._over_at - time.monotonic()))
        except TimeoutError as error:
            self._connection.interrupt()
            raise BadQuery(f"it ran longer than {QUERY_SECONDS:.0f} s and was interrupted") from error
        except KeyboardInterrupt:
            self._connection.interrupt()
            raise


@contextmanager
def _opened(path: Path) -> Generator[duckdb.DuckDBPyConnection]:
    import duckdb

    with duckdb.connect(
        str(path), read_only=True, config={"memory_limit": MEMORY_LIMIT, "threads": THREADS, "temp_directory": ""}
    ) as connection:
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def _check(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    statements: Sequence[object] = connection.extract_statements(query)
    if len(statements) != 1:
        raise BadQuery(f"expected one statement, there are {len(statements)}")


def _rows(cursor: duckdb.DuckDBPyConnection, beside: _Beside) -> Generator[tuple[object, ...]]:
    while rows := beside.run(lambda: cursor.fetchmany(ROWS_AT_ONCE)):
        yield from rows
