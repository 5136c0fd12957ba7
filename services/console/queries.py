"""What the pages ask the projection: SQL and rows, read-only. Blocking, so each is called in a thread.

Every call has a connection of its own (0.2 ms): readers never wait for each other nor for the writer, and none can
leave a transaction open behind a slow browser.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import cast, get_args

import msgspec

from libs.contracts.envelope import Commit, decode_commit
from libs.contracts.ids import JobKey, RunId
from libs.contracts.results import Result
from services.console.rows import IntakeKind, IntakeRow, RunRow
from services.console.store import connect

PAGE_RUNS = 50
PAGE_INTAKES = 50
MAX_PAGE = 200
"""What one answer of the API may hold."""
CHOICES = 200
"""Values offered for one filter; more are found by typing."""
NEWEST = 2**63 - 1
RESULTS: tuple[Result, ...] = get_args(Result)
FILTERS = ("repository", "workflow", "branch", "event", "actor")


class RunFilter(msgspec.Struct, frozen=True):
    """An empty text is no condition. `state` is `planned`, `running`, `finished` or a result.

    `before` is for paging: only runs that began before that place in the log.
    """

    repository: str = ""
    workflow: str = ""
    branch: str = ""
    event: str = ""
    actor: str = ""
    state: str = ""
    before: int | None = None
    limit: int = PAGE_RUNS


class Progress(msgspec.Struct, frozen=True):
    """How far the projection is in the stream, and how much of it nobody here understood."""

    seq: int
    skipped: int


class Queries:
    def __init__(self, path: Path) -> None:
        self._path = path

    def progress(self) -> Progress:
        with self._reading() as db:
            row = db.execute("SELECT seq, skipped FROM meta").fetchone()
            return Progress(row["seq"], row["skipped"])

    def runs(self, wanted: RunFilter) -> list[RunRow]:
        """The newest first; one more than `limit` where there are more."""
        conditions, values = _conditions(wanted)
        sql = f"SELECT * FROM run{conditions} ORDER BY first_seq DESC LIMIT ?"  # noqa: S608 (values are bound)
        with self._reading() as db:
            return [msgspec.convert(dict(row), RunRow) for row in db.execute(sql, (*values, wanted.limit + 1))]

    def choices(self) -> dict[str, list[str]]:
        """The values that each filter can have, for a page's suggestions."""
        with self._reading() as db:
            return {column: [str(row[0]) for row in db.execute(_distinct(column))] for column in FILTERS}

    def run(self, run_id: RunId) -> RunRow | None:
        with self._reading() as db:
            row = db.execute("SELECT * FROM run WHERE run_id = ?", (run_id,)).fetchone()
            return None if row is None else msgspec.convert(dict(row), RunRow)

    def commits(self, run_id: RunId) -> list[Commit]:
        """All of a run and of its attempts, in the order of the log."""
        with self._reading() as db:
            rows = db.execute("SELECT data FROM event WHERE run_id = ? ORDER BY seq", (run_id,))
            return [decode_commit(row["data"]) for row in rows]

    def attempt_commits(self, run_id: RunId, job: JobKey, n: int) -> list[Commit]:
        with self._reading() as db:
            rows = db.execute(
                "SELECT data FROM event WHERE run_id = ? AND job = ? AND n = ? ORDER BY seq", (run_id, job, n)
            )
            return [decode_commit(row["data"]) for row in rows]

    def intakes(
        self, kind: IntakeKind | None, repository: str, before: tuple[int, int] | None, limit: int = PAGE_INTAKES
    ) -> list[IntakeRow]:
        """The newest first; one more than `limit` where there are more. `before` is the (seq, place) of a last row."""
        seq, place = before or (NEWEST, 0)
        sql = """SELECT * FROM intake
            WHERE (:kind IS NULL OR kind = :kind) AND (:repository = '' OR repository = :repository)
                AND (seq < :seq OR seq = :seq AND place > :place)
            ORDER BY seq DESC, place LIMIT :limit"""
        values = {"kind": kind, "repository": repository, "seq": seq, "place": place, "limit": limit + 1}
        with self._reading() as db:
            return [_intake(row) for row in db.execute(sql, values)]

    def intakes_of(self, cause: str) -> list[IntakeRow]:
        """What else became of the delivery or command that led to a run."""
        with self._reading() as db:
            rows = db.execute("SELECT * FROM intake WHERE cause = ? ORDER BY seq, place LIMIT ?", (cause, MAX_PAGE))
            return [_intake(row) for row in rows]

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with contextlib.closing(connect(self._path)) as db:
            db.execute("PRAGMA query_only = ON")
            yield db


def _distinct(column: str) -> str:
    """Hops from value to value along the column's index: a million runs of three repositories cost three look-ups."""
    return f"""WITH RECURSIVE value (text) AS (
        SELECT min({column}) FROM run
        UNION ALL SELECT (SELECT min({column}) FROM run WHERE {column} > text) FROM value WHERE text IS NOT NULL
    ) SELECT text FROM value WHERE text <> '' LIMIT {CHOICES}"""  # noqa: S608 (a column of ours)


def _conditions(wanted: RunFilter) -> tuple[str, tuple[object, ...]]:
    found: list[tuple[str, object]] = []
    for column in FILTERS:
        if text := cast(str, getattr(wanted, column)):
            found.append((f"{column} = ?", text))
    if wanted.state:
        found.append(("conclusion = ?" if wanted.state in RESULTS else "state = ?", wanted.state))
    if wanted.before is not None:
        found.append(("first_seq < ?", wanted.before))
    if not found:
        return "", ()
    return " WHERE " + " AND ".join(condition for condition, _ in found), tuple(value for _, value in found)


def _intake(row: sqlite3.Row) -> IntakeRow:
    values = dict(row)
    for name in ("problems", "unmatched"):
        values[name] = msgspec.json.decode(values[name])
    return msgspec.convert(values, IntakeRow)
