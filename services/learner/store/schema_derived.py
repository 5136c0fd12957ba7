"""The tables of what is derived from facts (`deriving`): appended like them, and made anew with them."""

from __future__ import annotations

from services.learner.store.table import Table

DERIVED = Table("derived", {"rolled_seq": "BIGINT", "changed_seq": "BIGINT"})
STEP_DAY = Table(
    "step_day",
    {
        "day": "TIMESTAMP",
        "step_kid": "INTEGER",
        "command_kid": "INTEGER",
        "total": "BIGINT",
        "successes": "BIGINT",
        "failures": "BIGINT",
        "timeouts": "BIGINT",
        "errors": "BIGINT",
        "cancellations": "BIGINT",
        "skips": "BIGINT",
        "decided_ms": "DOUBLE",
        "now_passed": "DOUBLE",
        "now_failed": "DOUBLE",
        "trend_passed": "DOUBLE",
        "trend_failed": "DOUBLE",
        "first_at": "TIMESTAMP",
        "last_at": "TIMESTAMP",
    },
)
CHANGE = Table(
    "change_fact",
    {
        "seq": "BIGINT",
        "place": "INTEGER",
        "stored_at": "TIMESTAMP",
        "run_id": "BIGINT",
        "step_kid": "INTEGER",
        "ref_kid": "INTEGER",
        "commit_kid": "INTEGER",
        "fingerprint_kid": "INTEGER",
        "kind": "VARCHAR",
        "since_seq": "BIGINT",
        "passed_kid": "INTEGER",
        "failed_kid": "INTEGER",
    },
)
TABLES = (DERIVED, STEP_DAY, CHANGE)
