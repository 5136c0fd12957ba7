"""What a learner's file says, in a form that two files can be compared by: integer keys are names again."""

from __future__ import annotations

from pathlib import Path

from services.learner.store.schema import CURSOR, KEYS, SKIPPED, TABLES

LEFT_OUT = {CURSOR.name, SKIPPED.name, "derived", "step_day", *(table.name for table in KEYS)}
"""Where something was cut into parts, and names."""

NAMES = {
    "workflow_kid": "(SELECT repository_id || '/' || path FROM workflow_key k WHERE k.kid = t.workflow_kid)",
    "job_kid": "(SELECT w.repository_id || '/' || w.path || '/' || k.job FROM job_key k"
    " JOIN workflow_key w ON w.kid = k.workflow_kid WHERE k.kid = t.job_kid)",
    "step_kid": "(SELECT w.repository_id || '/' || w.path || '/' || j.job || '/' || k.name FROM step_key k"
    " JOIN job_key j ON j.kid = k.job_kid JOIN workflow_key w ON w.kid = j.workflow_kid WHERE k.kid = t.step_kid)",
    "command_kid": "(SELECT command FROM command_key k WHERE k.kid = t.command_kid)",
    "fingerprint_kid": "(SELECT fingerprint || said FROM fingerprint_key k WHERE k.kid = t.fingerprint_kid)",
    "ref_kid": "(SELECT repository_id || ref FROM ref_key k WHERE k.kid = t.ref_kid)",
    **{
        name: f"(SELECT repository_id || sha FROM commit_key k WHERE k.kid = t.{name})"
        for name in ("commit_kid", "passed_kid", "failed_kid")
    },
}


def contents(path: Path) -> dict[str, tuple[int, int]]:
    """By table: how many rows, and a checksum that does not depend on their order. The file must be nobody's."""
    import duckdb

    found: dict[str, tuple[int, int]] = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in TABLES:
            if table.name in LEFT_OUT:
                continue
            columns = ", ".join(NAMES.get(name, f"t.{name}") for name in table.columns)
            query = f"SELECT count(*), coalesce(bit_xor(hash({columns})), 0) FROM {table.name} t"
            count, checksum = connection.execute(query).fetchone() or (0, 0)
            found[table.name] = (int(count), int(checksum))
        query = "SELECT type, sum(events)::BIGINT FROM skipped GROUP BY type"
        found |= {f"skipped {kind}": (int(count), 0) for kind, count in connection.execute(query).fetchall()}
        query = "SELECT stream, max(last_seq), sum(events)::BIGINT FROM cursor GROUP BY stream"
        found |= {f"at {stream}": (int(last), int(sum_)) for stream, last, sum_ in connection.execute(query).fetchall()}
    return found
