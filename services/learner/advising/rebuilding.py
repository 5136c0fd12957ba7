"""The memory as it was, read back from the learner's own file when the log has been read: SQL, and the same fold.

What is folded is all that there is of the runs which the windows still show, in the order of the log, in pieces so that
ten million rows are never in memory. A window answers by its last entries, so what is left out before them changes
nothing (`windows`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from libs.contracts.size import Size
from services.learner.advising.memory import ARRIVAL_SECONDS, JOBS_KEPT, RUNS_KEPT, Day, Memory
from services.learner.advising.of_facts import MACHINES, is_telling, lockfiles, seconds
from services.learner.advising.seen import (
    AttemptEnded,
    HostJoined,
    JobEnded,
    JobQueued,
    LimitAdjusted,
    MachineReady,
    RunEnded,
    RunPlanned,
    Seen,
    StepEnded,
)
from services.learner.learning.flakiness import DAY_SECONDS
from services.learner.learning.timeouts import WINDOW

if TYPE_CHECKING:
    import duckdb

PLACES = 1_000_000
"""Of the log at once: some tens of thousands of rows of what is remembered."""
Row = tuple[Any, ...]
"""What a query returned; its columns' types are the schema's and are known to whoever wrote the query."""

_REMEMBERED = f"""
CREATE OR REPLACE TEMP TABLE remembered AS
WITH ended AS (
    SELECT f.run_id, f.job_kid, f.seq, f.outcome
    FROM job_fact f SEMI JOIN (SELECT run_id FROM plan_fact WHERE trust = 'own' AND trial = '') USING (run_id)
    WHERE f.type = 'JobFinished' AND f.n > 0 AND f.outcome IN ('success', 'failure', 'timeout', 'cancellation')
), known AS (
    SELECT * FROM ended SEMI JOIN (
        SELECT job_kid FROM ended GROUP BY job_kid ORDER BY max(seq) DESC LIMIT {JOBS_KEPT}
    ) USING (job_kid)
)
SELECT run_id FROM known QUALIFY row_number() OVER (PARTITION BY job_kid ORDER BY seq DESC) <= {WINDOW}
UNION SELECT run_id FROM known WHERE outcome = 'success'
    QUALIFY row_number() OVER (PARTITION BY job_kid ORDER BY seq DESC) <= {WINDOW}
UNION (SELECT run_id FROM plan_fact ORDER BY seq DESC LIMIT {RUNS_KEPT})"""  # noqa: S608  # constants

_COUNTED = f"""
CREATE OR REPLACE TEMP TABLE counted AS
SELECT run_id FROM attempt_fact WHERE type = 'VmReady'
    AND epoch(stored_at) >= (SELECT max(epoch(stored_at)) FROM attempt_fact) - {ARRIVAL_SECONDS}
UNION FROM remembered"""  # noqa: S608  # constants
"""Besides, for the machines of a week alone."""
_DAYS = f"""
SELECT w.repository_id, epoch(f.stored_at) // {DAY_SECONDS} AS day, count(*),
    count(*) FILTER (f.conclusion <> 'success')
FROM run_fact f JOIN plan_fact p USING (run_id) JOIN workflow_key w ON w.kid = p.workflow_kid
WHERE f.type = 'RunFinished' AND f.conclusion IN ('success', 'failure', 'timeout')
    AND p.trust = 'own' AND p.trial = '' AND w.repository_id IN (
        SELECT repository_id FROM workflow_key k JOIN (SELECT * FROM plan_fact SEMI JOIN counted USING (run_id)) q
        ON q.workflow_kid = k.kid
    )
GROUP BY ALL ORDER BY day"""  # noqa: S608  # constants

_IN = "f.seq BETWEEN $first AND $last"
_OF = "SEMI JOIN remembered r USING (run_id) JOIN job_key j ON j.kid = f.job_kid"
_PLANS = f"""
SELECT f.seq, 0, epoch_us(f.stored_at), f.run_id, w.repository_id, l.repository, w.path, f.event, c.sha, f.trust,
    f.trial, f.lockfiles
FROM plan_fact f SEMI JOIN counted r USING (run_id) JOIN workflow_key w ON w.kid = f.workflow_kid
JOIN commit_key c ON c.kid = f.commit_kid
JOIN (SELECT kid, arg_max(repository, label) AS repository FROM workflow_label GROUP BY kid) l ON l.kid = f.workflow_kid
WHERE {_IN}"""  # noqa: S608
_JOBS = f"""
SELECT f.seq, f.place, epoch_us(f.stored_at), f.run_id, j.job, f.name, f.type, f.n, f.outcome, f.timeout_ms,
    f.retry_of, f.retries
FROM job_fact f {_OF} WHERE f.type IN ('JobQueued', 'JobFinished') AND {_IN}"""  # noqa: S608
_LIMITS = f"SELECT f.seq, f.place, f.run_id, j.job, f.to_ms FROM timeout_fact f {_OF} WHERE {_IN}"  # noqa: S608
_ATTEMPTS = f"""
SELECT f.seq, f.place, f.run_id, j.job, f.n, f.duration_ms
FROM attempt_fact f {_OF} WHERE f.type = 'AttemptFinished' AND {_IN}"""  # noqa: S608
_MACHINES = f"""
SELECT f.seq, f.place, epoch_us(f.stored_at), f.run_id, f.host, f.how, f.cpus, f.memory_mib
FROM attempt_fact f SEMI JOIN counted r USING (run_id)
WHERE f.type = 'VmReady' AND f.cpus > 0 AND f.memory_mib > 0 AND {_IN}"""  # noqa: S608
_STEPS = f"""
SELECT f.seq, f.place, f.run_id, j.job, f.n, f.step, s.name, f.outcome, f.conclusion, f.duration_ms,
    coalesce(c.command, '')
FROM step_fact f SEMI JOIN remembered r USING (run_id) JOIN step_key s ON s.kid = f.step_kid
JOIN job_key j ON j.kid = s.job_kid LEFT JOIN command_key c ON c.kid = f.command_kid
WHERE f.part = 'main' AND (f.outcome = 'failure' OR list_contains($telling, f.command_kid)) AND {_IN}"""  # noqa: S608
_RUNS = f"""
SELECT f.seq, f.place, epoch_us(f.stored_at), f.run_id, f.conclusion
FROM run_fact f SEMI JOIN remembered r USING (run_id)
WHERE f.type = 'RunFinished' AND f.conclusion IS NOT NULL AND {_IN}"""  # noqa: S608


def rebuild(connection: duckdb.DuckDBPyConnection) -> Memory:
    """Of the writer's own connection, between two batches."""
    memory = Memory()
    connection.execute(_REMEMBERED)
    connection.execute(_COUNTED)
    try:
        bounds = connection.execute("SELECT min(seq), max(seq) FROM plan_fact SEMI JOIN counted USING (run_id)")
        first, _ = bounds.fetchone() or (None, None)
        last = connection.execute("SELECT max(last_seq) FROM cursor WHERE stream = 'EVENTS'").fetchone()
        hosts = "SELECT max(seq), host, arg_max(slots, seq) FROM host_fact WHERE type = 'HostJoined' GROUP BY host"
        memory.evolve([HostJoined(*row) for row in connection.execute(hosts).fetchall() if row[2] is not None])
        commands = connection.execute("SELECT kid, command FROM command_key").fetchall()
        telling = [int(kid) for kid, command in commands if is_telling(str(command))]
        end = int(last[0]) if last and last[0] is not None else 0
        for place in range(int(first), end + 1, PLACES) if first is not None else ():
            memory.evolve(_between(connection, place, place + PLACES - 1, telling))
        memory.read_to(end)
        _count_days(connection, memory)
    finally:
        connection.execute("DROP TABLE remembered")
        connection.execute("DROP TABLE counted")
    return memory


def _count_days(connection: duckdb.DuckDBPyConnection, memory: Memory) -> None:
    """Of all runs, not only of those that were folded."""
    for repository in memory.repositories.values():
        repository.days.clear()
    for repository_id, number, ended, failed in connection.execute(_DAYS).fetchall():
        if (repository := memory.repositories.get(int(repository_id))) is not None:
            repository.count(int(number), Day(int(ended), int(failed)))


def _between(connection: duckdb.DuckDBPyConnection, first: int, last: int, telling: list[int]) -> Iterable[Seen]:
    found: list[tuple[int, int, Seen]] = []
    bounds = {"first": first, "last": last}
    for query, make in _MAKERS:
        parameters = {**bounds, "telling": telling} if query is _STEPS else bounds
        rows: list[Row] = connection.execute(query, parameters).fetchall()
        found += [(row[0], row[1], seen) for row in rows if (seen := make(row)) is not None]
    found.sort(key=lambda each: each[:2])
    return (seen for _, _, seen in found)


def _plan(row: Row) -> Seen:
    seq, _, at, run_id, repository_id, repository, path, event, sha, trust, trial, locked = row
    files = lockfiles(locked)
    return RunPlanned(seq, seconds(at), run_id, repository_id, repository, path, event, sha, trust, bool(trial), files)


def _job(row: Row) -> Seen | None:
    seq, _, at, run_id, job, name, kind, n, outcome, timeout_ms, retry_of, retries = row
    if kind == "JobQueued":
        return JobQueued(seq, seconds(at), run_id, job, name, float(timeout_ms or 0), retry_of or 0)
    return JobEnded(seq, seconds(at), run_id, job, name, n or 0, outcome, retries or 0) if outcome else None


def _limit(row: Row) -> Seen:
    seq, _, run_id, job, to_ms = row
    return LimitAdjusted(seq, run_id, job, float(to_ms))


def _attempt(row: Row) -> Seen:
    seq, _, run_id, job, n, duration_ms = row
    return AttemptEnded(seq, run_id, job, n, duration_ms or 0.0)


def _machine(row: Row) -> Seen | None:
    seq, _, at, run_id, host, how, cpus, memory_mib = row
    if how not in MACHINES:
        return None
    return MachineReady(seq, seconds(at), run_id, host, how == "pooled", Size(cpus, memory_mib))


def _step(row: Row) -> Seen:
    seq, _, run_id, job, n, index, name, outcome, conclusion, duration_ms, command = row
    return StepEnded(seq, run_id, job, n, index, name, outcome, conclusion == "failure", duration_ms, command)


def _run(row: Row) -> Seen:
    seq, _, at, run_id, conclusion = row
    return RunEnded(seq, seconds(at), run_id, conclusion)


_MAKERS = (
    (_PLANS, _plan),
    (_JOBS, _job),
    (_LIMITS, _limit),
    (_ATTEMPTS, _attempt),
    (_MACHINES, _machine),
    (_STEPS, _step),
    (_RUNS, _run),
)
