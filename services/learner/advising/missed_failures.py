"""Failures of runs that are under way, or that ended just before a start: read from the learner's own file. SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.learner.advising.failures import WAITING, Failure, Failures

if TYPE_CHECKING:
    import duckdb

OPEN_HOURS = 36
"""A run that failed so long ago and has not ended is waiting for a person."""
MISSED_SECONDS = 600
"""Of a run that ended longer ago nobody waits for words any more."""
Row = tuple[Any, ...]

_LAST = "(SELECT max(epoch(stored_at)) FROM run_fact)"
_FAILED = f"""
SELECT f.seq, f.run_id, j.job, f.n, f.step, s.name, p.fingerprint, p.said
FROM step_fact f JOIN fingerprint_key p ON p.kid = f.fingerprint_kid
JOIN step_key s ON s.kid = f.step_kid JOIN job_key j ON j.kid = s.job_kid
WHERE f.outcome = 'failure' AND f.fingerprint_kid > 0 AND epoch(f.stored_at) >= {_LAST} - {OPEN_HOURS * 3600}
ORDER BY f.seq DESC, f.place DESC LIMIT {WAITING * 10}"""  # noqa: S608  # constants
_ENDED = f"""
SELECT seq, run_id, run_attempt, epoch(stored_at) >= {_LAST} - {MISSED_SECONDS}
FROM run_fact
WHERE type = 'RunFinished' AND seq >= $first ORDER BY seq"""  # noqa: S608  # constants


def recall(connection: duckdb.DuckDBPyConnection, failures: Failures) -> None:
    """In the order of the log; an end that was told of long ago only lets go of its failures."""
    failed: list[Row] = connection.execute(_FAILED).fetchall()
    if not failed:
        return
    ended: list[Row] = connection.execute(_ENDED, {"first": failed[-1][0]}).fetchall()
    for row in sorted([*failed, *ended], key=lambda row: int(row[0])):
        _recall(row, failures)


def _recall(row: Row, failures: Failures) -> None:
    match row:
        case (_, run_id, job, n, step, name, fingerprint, said):
            failures.failed(int(run_id), Failure(str(job), int(n), int(step), str(name), str(fingerprint), str(said)))
        case (_, run_id, run_attempt, True):
            failures.ended(int(run_id), int(run_attempt))
        case (_, run_id, *_):
            failures.forget(int(run_id))
        case _:
            raise AssertionError(row)
