"""Totals, exact quantiles and what it cost. SQL only.

Rates count what the code decided: success against failure and timeout. Cancelled, skipped and our own errors say
nothing about the code and are not in them. Durations are those of successes and failures; a timeout's is cut off, not
measured. A rate is over `outcome`, before `continue-on-error` made it harmless; a run has a conclusion only.
Quantiles are exact: approximate ones took longer and ten times the memory.
"""

from __future__ import annotations

from services.learner.store.words import DECIDED, TIMED

_QUANTILES = "quantile_cont(duration_ms, [0.5, 0.9, 0.95])"


def _totals(outcome: str) -> str:
    return f"""
    count(*) AS total,
    count(*) FILTER ({outcome} = 'success') AS successes,
    count(*) FILTER ({outcome} = 'failure') AS failures,
    count(*) FILTER ({outcome} = 'timeout') AS timeouts,
    count(*) FILTER ({outcome} = 'error') AS errors,
    count(*) FILTER ({outcome} = 'cancellation') AS cancellations,
    count(*) FILTER ({outcome} = 'skip') AS skips,
    count(*) FILTER ({outcome} = 'success') / nullif(count(*) FILTER ({outcome} IN {DECIDED}), 0) AS success_rate"""


def _durations(outcome: str) -> str:
    return f"""{_QUANTILES} FILTER ({outcome} IN {TIMED}) AS quantiles,
    max(duration_ms) FILTER ({outcome} IN {TIMED}) AS max_ms"""


_COLUMNS = """total, successes, failures, timeouts, errors, cancellations, skips, success_rate,
    quantiles[1] AS p50_ms, quantiles[2] AS p90_ms, quantiles[3] AS p95_ms, max_ms"""

WORKFLOW_STATS = f"""
CREATE VIEW workflow_stats AS
WITH counted AS (
    SELECT workflow_kid, {_totals("conclusion")}, {_durations("conclusion")}
    FROM run_attempts WHERE conclusion IS NOT NULL AND trial = '' GROUP BY workflow_kid
)
SELECT w.repository, w.workflow, w.workflow_path, {_COLUMNS}, w.repository_id, workflow_kid
FROM counted LEFT JOIN workflows w USING (workflow_kid)"""  # noqa: S608  # constants

JOB_STATS = f"""
CREATE VIEW job_stats AS
WITH counted AS (
    SELECT job_kid, {_totals("outcome")}
    FROM job_fact ANTI JOIN trials USING (run_id) WHERE type IN ('JobFinished', 'JobSkipped') GROUP BY job_kid
), timed AS (
    SELECT job_kid, {_durations("conclusion")}
    FROM attempt_fact ANTI JOIN trials USING (run_id) WHERE type = 'AttemptFinished' GROUP BY job_kid
)
SELECT j.repository, j.workflow, j.job_id, j.job, {_COLUMNS}, j.workflow_path, j.repository_id, job_kid
FROM counted LEFT JOIN timed USING (job_kid) LEFT JOIN job_names j USING (job_kid)"""  # noqa: S608  # constants

STEP_STATS = f"""
CREATE VIEW step_stats AS
WITH counted AS (
    SELECT step_kid, sum(total) AS total, sum(successes) AS successes, sum(failures) AS failures,
        sum(timeouts) AS timeouts, sum(errors) AS errors, sum(cancellations) AS cancellations, sum(skips) AS skips,
        sum(successes) / nullif(sum(successes) + sum(failures) + sum(timeouts), 0) AS success_rate
    FROM step_days GROUP BY step_kid
), timed AS (
    SELECT step_kid, {_QUANTILES} AS quantiles, max(duration_ms) AS max_ms
    FROM step_fact ANTI JOIN trials USING (run_id) WHERE outcome IN {TIMED} GROUP BY step_kid
)
SELECT s.repository, s.workflow, s.job_id, s.job, s.step_name AS step, {_COLUMNS},
    s.workflow_path, s.repository_id, step_kid
FROM counted LEFT JOIN timed USING (step_kid) LEFT JOIN step_names s USING (step_kid)"""  # noqa: S608  # constants

DURATIONS = f"""
CREATE VIEW durations AS
WITH jobs_timed AS (
    SELECT job_kid, count(*) AS n, {_QUANTILES} AS q, avg(duration_ms) AS mean_ms, max(duration_ms) AS max_ms
    FROM attempt_fact ANTI JOIN trials USING (run_id)
    WHERE type = 'AttemptFinished' AND conclusion = 'success' GROUP BY job_kid
), steps_timed AS (
    SELECT step_kid, count(*) AS n, {_QUANTILES} AS q, avg(duration_ms) AS mean_ms, max(duration_ms) AS max_ms
    FROM step_fact ANTI JOIN trials USING (run_id) WHERE outcome = 'success' GROUP BY step_kid
)
SELECT 'job' AS level, j.repository, j.workflow, j.job, NULL AS step, n, mean_ms, q[1] AS p50_ms, q[2] AS p90_ms,
    q[3] AS p95_ms, max_ms, j.repository_id
FROM jobs_timed LEFT JOIN job_names j USING (job_kid)
UNION ALL
SELECT 'step', s.repository, s.workflow, s.job, s.step_name, n, mean_ms, q[1], q[2], q[3], max_ms, s.repository_id
FROM steps_timed LEFT JOIN step_names s USING (step_kid)"""  # noqa: S608  # constants

VM_MINUTES = """
CREATE VIEW vm_minutes AS
WITH spent AS (
    SELECT date_trunc('day', stored_at) AS day, job_kid,
        count(*) FILTER (type = 'AttemptFinished') AS attempts,
        sum(duration_ms) / 60000 AS minutes,
        coalesce(sum(duration_ms) FILTER (conclusion <> 'success'), 0) / 60000 AS red_minutes,
        coalesce(sum(ready_ms), 0) / 60000 AS boot_minutes
    FROM attempt_fact WHERE type IN ('AttemptFinished', 'VmReady') GROUP BY ALL
)
SELECT s.day, j.repository, j.workflow, j.job, s.attempts, s.minutes, s.red_minutes, s.boot_minutes,
    j.workflow_path, j.repository_id, s.job_kid
FROM spent s LEFT JOIN job_names j USING (job_kid)"""

VIEWS = (WORKFLOW_STATS, JOB_STATS, STEP_STATS, DURATIONS, VM_MINUTES)
