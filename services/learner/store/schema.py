"""The tables of the learner's DuckDB file, as data: one append-only table a kind of fact, integer keys for names.

Architecture invariant: no primary key, no unique constraint, no index, no update. Facts are appended in one transaction
with the stream positions that they bring, which is all the uniqueness that is needed, and the log can rebuild the file.
A change of anything here is a new `SCHEMA_VERSION`: the log is replayed into a new file. What each column means is in
`meanings`.
"""

from __future__ import annotations

from services.learner.store.schema_derived import TABLES as DERIVED_TABLES
from services.learner.store.schema_learned import ADVICE, EFFECT, MODEL, OPT_INS, RECOGNITION
from services.learner.store.table import PLACED, Table

SCHEMA_VERSION = 2

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
COMMAND_KEY = Table("command_key", {"kid": "INTEGER", "command": "VARCHAR"})
FINGERPRINT_KEY = Table("fingerprint_key", {"kid": "INTEGER", "fingerprint": "VARCHAR", "said": "VARCHAR"})
COMMIT_KEY = Table("commit_key", {"kid": "INTEGER", "repository_id": "BIGINT", "sha": "VARCHAR"})
REF_KEY = Table("ref_key", {"kid": "INTEGER", "repository_id": "BIGINT", "ref": "VARCHAR"})

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
INTAKE = Table(
    "intake_fact",
    {
        **PLACED,
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
        "commit_kid": "INTEGER",
        "ref_kid": "INTEGER",
        "number": "BIGINT",
        "event": "VARCHAR",
        "run_name": "VARCHAR",
        "actor": "VARCHAR",
        "trust": "VARCHAR",
        "pull_request": "BIGINT",
        "cause": "VARCHAR",
        "lockfiles": "VARCHAR",
        "trial": "VARCHAR",
        "private": "BOOLEAN",
    },
)
RUN = Table(
    "run_fact",
    {
        **PLACED,
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
        **PLACED,
        "run_id": "BIGINT",
        "job_kid": "INTEGER",
        "type": "VARCHAR",
        "name": "VARCHAR",
        "n": "BIGINT",
        "host": "VARCHAR",
        "outcome": "VARCHAR",
        "conclusion": "VARCHAR",
        "run_attempt": "BIGINT",
        "timeout_ms": "BIGINT",
        "labels": "VARCHAR",
        "retry_of": "BIGINT",
        "retries": "BIGINT",
        "why": "VARCHAR",
    },
)
ATTEMPT = Table(
    "attempt_fact",
    {
        **PLACED,
        "run_id": "BIGINT",
        "job_kid": "INTEGER",
        "n": "BIGINT",
        "host": "VARCHAR",
        "type": "VARCHAR",
        "driver": "VARCHAR",
        "how": "VARCHAR",
        "ready_ms": "DOUBLE",
        "vm": "VARCHAR",
        "image": "VARCHAR",
        "cpus": "BIGINT",
        "memory_mib": "BIGINT",
        "phases": "VARCHAR",
        "conclusion": "VARCHAR",
        "duration_ms": "DOUBLE",
        "lines": "BIGINT",
        "why": "VARCHAR",
    },
)
STEP = Table(
    "step_fact",
    {
        **PLACED,
        "run_id": "BIGINT",
        "step_kid": "INTEGER",
        "command_kid": "INTEGER",
        "fingerprint_kid": "INTEGER",
        "n": "BIGINT",
        "step": "BIGINT",
        "part": "VARCHAR",
        "outcome": "VARCHAR",
        "conclusion": "VARCHAR",
        "duration_ms": "DOUBLE",
        "exit_code": "BIGINT",
        "lines": "BIGINT",
        "annotations": "BIGINT",
        "category": "VARCHAR",
        "why": "VARCHAR",
    },
)
TIMEOUT = Table(
    "timeout_fact",
    {
        **PLACED,
        "run_id": "BIGINT",
        "job_kid": "INTEGER",
        "run_attempt": "BIGINT",
        "from_ms": "BIGINT",
        "to_ms": "BIGINT",
        "rule": "VARCHAR",
        "n": "BIGINT",
        "longest_ms": "DOUBLE",
        "upper_ms": "DOUBLE",
        "kills": "BIGINT",
        "position": "BIGINT",
    },
)
HOST = Table(
    "host_fact",
    {
        **PLACED,
        "host": "VARCHAR",
        "type": "VARCHAR",
        "driver": "VARCHAR",
        "slots": "BIGINT",
        "memory_mib": "BIGINT",
        "group": "VARCHAR",
        "why": "VARCHAR",
    },
)
VM = Table(
    "vm_fact",
    {
        **PLACED,
        "host": "VARCHAR",
        "type": "VARCHAR",
        "vm": "VARCHAR",
        "image": "VARCHAR",
        "cpus": "BIGINT",
        "memory_mib": "BIGINT",
        "trust": "VARCHAR",
        "how": "VARCHAR",
        "ready_ms": "DOUBLE",
        "phases": "VARCHAR",
        "run_id": "BIGINT",
        "job": "VARCHAR",
        "n": "BIGINT",
        "bytes": "BIGINT",
        "why": "VARCHAR",
    },
)
CACHE = Table(
    "cache_fact",
    {
        **PLACED,
        "run_id": "BIGINT",
        "job_kid": "INTEGER",
        "n": "BIGINT",
        "key": "VARCHAR",
        "hit": "VARCHAR",
        "bytes": "BIGINT",
        "duration_ms": "DOUBLE",
    },
)
"""Nothing folds into it: no event tells of a cache yet. It is there so that what is asked of it need not change."""

KEYS = (
    WORKFLOW_KEY,
    WORKFLOW_LABEL,
    JOB_KEY,
    JOB_LABEL,
    STEP_KEY,
    COMMAND_KEY,
    FINGERPRINT_KEY,
    COMMIT_KEY,
    REF_KEY,
)
FACTS = (
    DELIVERY,
    INTAKE,
    PLAN,
    RUN,
    JOB,
    ATTEMPT,
    STEP,
    TIMEOUT,
    HOST,
    VM,
    CACHE,
    ADVICE,
    EFFECT,
    RECOGNITION,
    OPT_INS,
    MODEL,
)
TABLES = (CURSOR, SKIPPED, *KEYS, *FACTS, *DERIVED_TABLES)
