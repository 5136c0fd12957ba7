"""The tables of the learner's DuckDB file, as data: one append-only table a kind of fact, integer keys for names.

Architecture invariant: no primary key, no unique constraint, no index, no update. Facts are appended in one transaction
with the stream positions that they bring, which is all the uniqueness that is needed, and the log can rebuild the file.
A change of anything here is a new `SCHEMA_VERSION`: the old file is left aside and the log is replayed into a new one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION = 1

SqlType = Literal["BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "TIMESTAMP"]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` in order, by name. A column `workflow_kid`, `job_kid` or `step_kid` is the key of the names."""

    name: str
    columns: dict[str, SqlType]

    @property
    def ddl(self) -> str:
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        return f"CREATE TABLE {self.name} ({columns})"


CURSOR = Table(
    "cursor",
    {"stream": "VARCHAR", "last_seq": "BIGINT", "anchor": "VARCHAR", "events": "BIGINT", "stored_at": "TIMESTAMP"},
)
"""One row a batch and stream: everything up to `last_seq` is in; `anchor` is the hash of the message there."""
SKIPPED = Table("skipped", {"stream": "VARCHAR", "type": "VARCHAR", "events": "BIGINT"})

WORKFLOW_KEY = Table("workflow_key", {"kid": "INTEGER", "repository_id": "BIGINT", "path": "VARCHAR"})
WORKFLOW_LABEL = Table(
    "workflow_label", {"kid": "INTEGER", "label": "BIGINT", "repository": "VARCHAR", "name": "VARCHAR"}
)
"""What a workflow was called from then on; the row with the greatest `label` holds."""
JOB_KEY = Table("job_key", {"kid": "INTEGER", "workflow_kid": "INTEGER", "job": "VARCHAR"})
JOB_LABEL = Table("job_label", {"kid": "INTEGER", "label": "BIGINT", "job_id": "VARCHAR", "name": "VARCHAR"})
STEP_KEY = Table("step_key", {"kid": "INTEGER", "job_kid": "INTEGER", "name": "VARCHAR"})
"""A step is known by its job and its name: it keeps its history when another is put before it."""

DELIVERY = Table(
    "delivery_fact",
    {
        "seq": "BIGINT",
        "stored_at": "TIMESTAMP",
        "guid": "VARCHAR",
        "event": "VARCHAR",
        "bytes": "BIGINT",
        "hook_id": "VARCHAR",
    },
)
_PLACED: dict[str, SqlType] = {"seq": "BIGINT", "place": "INTEGER", "stored_at": "TIMESTAMP"}
INTAKE = Table(
    "intake_fact",
    {
        **_PLACED,
        "cause": "VARCHAR",
        "type": "VARCHAR",
        "event": "VARCHAR",
        "repository": "VARCHAR",
        "sha": "VARCHAR",
        "path": "VARCHAR",
        "runs": "INTEGER",
        "why": "VARCHAR",
    },
)
PLAN = Table(
    "plan_fact",
    {
        "seq": "BIGINT",
        "stored_at": "TIMESTAMP",
        "run_id": "BIGINT",
        "workflow_kid": "INTEGER",
        "number": "BIGINT",
        "event": "VARCHAR",
        "sha": "VARCHAR",
        "ref": "VARCHAR",
        "run_name": "VARCHAR",
        "actor": "VARCHAR",
        "trust": "VARCHAR",
        "pull_request": "BIGINT",
        "cause": "VARCHAR",
    },
)
RUN = Table(
    "run_fact",
    {
        **_PLACED,
        "run_id": "BIGINT",
        "type": "VARCHAR",
        "run_attempt": "BIGINT",
        "conclusion": "VARCHAR",
        "steps_run": "BIGINT",
        "why": "VARCHAR",
    },
)
JOB = Table(
    "job_fact",
    {
        **_PLACED,
        "run_id": "BIGINT",
        "job_kid": "INTEGER",
        "type": "VARCHAR",
        "name": "VARCHAR",
        "n": "BIGINT",
        "host": "VARCHAR",
        "outcome": "VARCHAR",
        "conclusion": "VARCHAR",
        "why": "VARCHAR",
    },
)
ATTEMPT = Table(
    "attempt_fact",
    {
        **_PLACED,
        "run_id": "BIGINT",
        "job_kid": "INTEGER",
        "n": "BIGINT",
        "host": "VARCHAR",
        "type": "VARCHAR",
        "driver": "VARCHAR",
        "how": "VARCHAR",
        "ready_ms": "DOUBLE",
        "conclusion": "VARCHAR",
        "duration_ms": "DOUBLE",
        "lines": "BIGINT",
        "why": "VARCHAR",
    },
)
STEP = Table(
    "step_fact",
    {
        **_PLACED,
        "run_id": "BIGINT",
        "step_kid": "INTEGER",
        "n": "BIGINT",
        "step": "BIGINT",
        "outcome": "VARCHAR",
        "conclusion": "VARCHAR",
        "duration_ms": "DOUBLE",
        "exit_code": "BIGINT",
        "lines": "BIGINT",
        "annotations": "BIGINT",
        "fingerprint": "VARCHAR",
        "why": "VARCHAR",
    },
)
HOST = Table(
    "host_fact",
    {
        **_PLACED,
        "host": "VARCHAR",
        "type": "VARCHAR",
        "driver": "VARCHAR",
        "slots": "BIGINT",
        "why": "VARCHAR",
    },
)

KEYS = (WORKFLOW_KEY, WORKFLOW_LABEL, JOB_KEY, JOB_LABEL, STEP_KEY)
FACTS = (DELIVERY, INTAKE, PLAN, RUN, JOB, ATTEMPT, STEP, HOST)
TABLES = (CURSOR, SKIPPED, *KEYS, *FACTS)
