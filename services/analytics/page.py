"""What stands at `/`: how to ask, in plain text, and which snapshot there is. The tables are asked for, not listed."""

from __future__ import annotations

from pathlib import Path

from libs.analytics.snapshot import NoSnapshot, newest_snapshot
from services.analytics.asked_for import ANSWER_BYTES, MEDIA, MOST_ROWS, ROWS

TEXT = """Firebreak analytics: SQL (DuckDB's) on what was learned, read-only.

  GET  /sql?q=SELECT ...      the statement in the address
  POST /sql                   the statement as the body
       ?format={forms}, or Accept
       ?limit=N               rows at most, {rows} without it, {most_rows} at most

  curl 127.0.0.1:3002/sql?format=table -d 'SHOW TABLES'
  curl 127.0.0.1:3002/sql?format=csv -d 'SELECT workflow, job, success_rate, p95_ms FROM job_stats'

One statement, {seconds} s, {mib} MiB of answer. In its head, `firebreak-cut: true` says that there was more,
`firebreak-snapshot` and `firebreak-snapshot-time` which snapshot was asked. Times are UTC, durations milliseconds.
`DESCRIBE runs` says what is in a table; docs/analytics.md what it means.

Snapshot: {snapshot}
"""


def page(folder: Path, seconds: int) -> str:
    try:
        snapshot = newest_snapshot(folder).name
    except NoSnapshot as error:
        snapshot = f"none. {error}"
    return TEXT.format(
        forms="|".join(MEDIA),
        rows=ROWS,
        most_rows=MOST_ROWS,
        seconds=seconds,
        mib=ANSWER_BYTES >> 20,
        snapshot=snapshot,
    )
