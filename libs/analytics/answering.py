"""python -m libs.analytics.answering FOLDER THREADS: answers questions from standard input, one after the other.

A process of its own, because some questions do not heed DuckDB's `interrupt`, `levenshtein` of two long texts for
hours, the binding of thousands of UNIONs for seconds: whoever asks can end it. It reads the snapshots' folder and can
do nothing else; it keeps the newest snapshot open between questions. It knows nothing of HTTP and of terminals.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

# All that is needed later is loaded before the process gives up reading files, its own code's included.
import duckdb

from libs.analytics import confinement
from libs.analytics.arrow_stream import write_arrow
from libs.analytics.formats import WRITERS, Row
from libs.analytics.question import (
    HEAD,
    Begun,
    Ended,
    Fault,
    Question,
    Refused,
    length_of,
    question_of,
)
from libs.analytics.said import Clock, Text, say
from libs.analytics.snapshot import (
    BadQuery,
    NoSnapshot,
    check,
    columns_of,
    newest_snapshot,
    opened,
    rows_of,
    snapshot_number,
)
from libs.children import die_with_parent

CGROUP = (Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
"""DuckDB looks there for the machine's limits whenever it opens a file, and aborts where it may not."""
_STATEMENT = (
    duckdb.ParserException,
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.PermissionException,
    duckdb.InvalidInputException,
    duckdb.NotImplementedException,
)
NOT_ENOUGH = "it needs more memory than a question may have"


class _Current:
    """The newest snapshot, open; another one is opened when there is one."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._threads = folder, threads
        self._open = contextlib.ExitStack()
        self._known: tuple[Path, int, int] | None = None
        self.path, self.published_at = folder, ""
        self._connection: duckdb.DuckDBPyConnection | None = None

    def connection(self) -> duckdb.DuckDBPyConnection:
        """Raises NoSnapshot."""
        path = newest_snapshot(self._folder)
        found = path.stat()
        if self._connection is None or self._known != (path, found.st_ino, found.st_mtime_ns):
            # The old one first: DuckDB gives whoever opens a path again what it still has open.
            self._open.close()
            self._connection = self._open.enter_context(opened(path, threads=self._threads))
            self._known, self.path = (path, found.st_ino, found.st_mtime_ns), path
            self.published_at = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="milliseconds")
        return self._connection


def main(folder: Path, threads: int) -> None:
    """Ends with its standard input, and with the process that started it."""
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _load()
    confinement.limit_process()
    confinement.read_only([folder, *CGROUP])
    current, out = _Current(folder, threads), sys.stdout.buffer
    while head := sys.stdin.buffer.read(HEAD.size):
        question = question_of(sys.stdin.buffer.read(length_of(head)))
        refused = _answer(current, question, out)
        if refused is not None:
            say(out, refused)
            if refused.fault != "statement":
                return


def _load() -> None:
    """Uses once what is loaded when it is first used: afterwards no module can be read."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SELECT now(), 1::DECIMAL, uuid(), INTERVAL 1 DAY, {'a': [1]}").fetchall()
        write_arrow(connection.sql("SELECT now() AS now"), io.BytesIO(), rows=1, bytes=1)
    for write in WRITERS.values():
        # Also how a character is written that a terminal would obey: that codec is a module of its own.
        write(io.StringIO(), ["\x1b"], iter([("\x1b\n",)]), 1)


def _answer(current: _Current, question: Question, out: BinaryIO) -> Refused | None:
    """Writes the answer; returns the refusal instead, or what cut it off."""
    try:
        connection = current.connection()
    except NoSnapshot as error:
        return Refused("snapshot", str(error))
    except (duckdb.Error, OSError) as error:
        return Refused("snapshot", f"the snapshot did not open, ask again: {error}")
    try:
        with connection.cursor() as cursor, (clock := Clock(cursor, question.seconds)):
            check(cursor, question.query)
            text = Text(out, clock, Begun(snapshot_number(current.path), current.published_at))
            cut = _write(cursor, question, text)
        say(out, Ended(cut))
    except BadQuery as error:
        return Refused("statement", str(error))
    except duckdb.InterruptException:
        return Refused("time", f"it ran longer than {question.seconds:g} s and was interrupted")
    except (MemoryError, duckdb.OutOfMemoryException) as error:
        return Refused("work", f"{NOT_ENOUGH}: {_first_line(error)}")
    except duckdb.Error as error:
        return Refused(_fault(error), str(error).strip())
    return None


def _fault(error: Exception) -> Fault:
    return "statement" if isinstance(error, _STATEMENT) else "work"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _write(cursor: duckdb.DuckDBPyConnection, question: Question, text: Text) -> bool:
    if question.form == "arrow":
        cut = write_arrow(cursor.sql(question.query), text, rows=question.rows, bytes=question.bytes)
    else:
        cursor.execute(question.query)
        rows = _Within(rows_of(cursor), text, question.bytes)
        cut = WRITERS[question.form](text, columns_of(cursor), rows, question.rows) or rows.cut
    text.flush()
    return cut


class _Within(Iterator[Row]):
    """Rows until the text is as long as wanted; `cut` where there would have been more."""

    def __init__(self, rows: Iterator[Row], text: Text, most_bytes: int) -> None:
        self._rows, self._text, self._most_bytes, self.cut = rows, text, most_bytes, False

    def __next__(self) -> Row:
        row = next(self._rows)
        self.cut = self.cut or self._text.size >= self._most_bytes
        if self.cut:
            raise StopIteration
        return row


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)
