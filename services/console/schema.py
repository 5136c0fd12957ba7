"""The projection's tables, as SQL text. They hold nothing that the log does not: whoever doubts them drops them."""

from __future__ import annotations

from services.console.rows import IntakeRow, RunRow

SCHEMA_VERSION = 1
"""Raised with every change of a table or of what is written into one: an older file is folded anew."""

TABLES = ("meta", "event", "run", "intake")

CREATE = (
    # `created` is the stream's identity, `seq` how far this file is.
    "CREATE TABLE meta (created TEXT NOT NULL, seq INTEGER NOT NULL, skipped INTEGER NOT NULL)",
    # Every commit of runs (`job` is empty) and of their attempts, as it was stored.
    """CREATE TABLE event (
        seq INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, job TEXT NOT NULL, n INTEGER NOT NULL, data BLOB NOT NULL
    )""",
    "CREATE INDEX event_of_run ON event (run_id, job, n, seq)",
    """CREATE TABLE run (
        run_id INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        owner TEXT NOT NULL, repo TEXT NOT NULL, cause TEXT NOT NULL,
        repository TEXT NOT NULL COLLATE NOCASE, workflow TEXT NOT NULL, path TEXT NOT NULL, title TEXT NOT NULL,
        number INTEGER NOT NULL, event TEXT NOT NULL, ref TEXT NOT NULL, branch TEXT NOT NULL, sha TEXT NOT NULL,
        actor TEXT NOT NULL COLLATE NOCASE, trust TEXT NOT NULL, pull_request INTEGER, state TEXT NOT NULL,
        run_attempt INTEGER NOT NULL, conclusion TEXT, planned TEXT, started TEXT, finished TEXT,
        steps_run INTEGER NOT NULL, why TEXT NOT NULL, unknown INTEGER NOT NULL,
        plan_digest TEXT NOT NULL, plan_size INTEGER NOT NULL
    )""",
    "CREATE INDEX run_order ON run (first_seq)",
    "CREATE INDEX run_age ON run (last_seq)",
    "CREATE INDEX run_repository ON run (repository, first_seq)",
    "CREATE INDEX run_workflow ON run (workflow, first_seq)",
    "CREATE INDEX run_branch ON run (branch, first_seq)",
    "CREATE INDEX run_event ON run (event, first_seq)",
    "CREATE INDEX run_actor ON run (actor, first_seq)",
    "CREATE INDEX run_state ON run (state, first_seq)",
    "CREATE INDEX run_conclusion ON run (conclusion, first_seq)",
    """CREATE TABLE intake (
        seq INTEGER NOT NULL, place INTEGER NOT NULL, cause TEXT NOT NULL, time TEXT NOT NULL, kind TEXT NOT NULL,
        repository TEXT NOT NULL COLLATE NOCASE, event TEXT NOT NULL, path TEXT NOT NULL, sha TEXT NOT NULL,
        why TEXT NOT NULL, problems TEXT NOT NULL, unmatched TEXT NOT NULL,
        PRIMARY KEY (seq, place)
    )""",
    "CREATE INDEX intake_kind ON intake (kind, seq)",
    "CREATE INDEX intake_repository ON intake (repository, seq)",
    "CREATE INDEX intake_cause ON intake (cause)",
)

RUN_COLUMNS = RunRow.__struct_fields__
INTAKE_COLUMNS = IntakeRow.__struct_fields__


def put(table: str, columns: tuple[str, ...]) -> str:
    """The statement that writes a row; names and order are the struct's."""
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


PUT_RUN = put("run", RUN_COLUMNS)
PUT_INTAKE = put("intake", INTAKE_COLUMNS)
PUT_EVENT = put("event", ("seq", "run_id", "job", "n", "data"))
