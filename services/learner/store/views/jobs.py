"""Jobs, attempts at them, how long they wait, and the limits and retries that were learned. SQL only."""

from __future__ import annotations

# Each kind of event is there once an attempt, so they are joined: grouping them takes five times as long.
ATTEMPTS = """
CREATE VIEW attempts AS
WITH started AS (
    SELECT run_id, job_kid, n, host, driver, stored_at AS started_at FROM attempt_fact WHERE type = 'AttemptStarted'
), ready AS (
    SELECT run_id, job_kid, n, how, ready_ms, vm, image, cpus, memory_mib FROM attempt_fact WHERE type = 'VmReady'
), ended AS (
    SELECT run_id, job_kid, n, host AS ended_host, type, stored_at AS finished_at, conclusion, duration_ms, lines, why
    FROM attempt_fact WHERE type IN ('AttemptFinished', 'AttemptLost', 'AttemptRefused')
)
SELECT run_id, j.repository, j.workflow, j.job_id, j.job, j.job_key, n, coalesce(s.host, e.ended_host) AS host,
    s.driver, r.how, CASE e.type WHEN 'AttemptLost' THEN 'lost' WHEN 'AttemptRefused' THEN 'refused'
        WHEN 'AttemptFinished' THEN 'finished' ELSE 'running' END AS status,
    e.conclusion, s.started_at, e.finished_at, r.ready_ms, e.duration_ms, e.lines, r.vm, r.image, r.cpus, r.memory_mib,
    nullif(e.why, '') AS why, j.workflow_path, j.repository_id, job_kid
FROM started s FULL JOIN ended e USING (run_id, job_kid, n)
LEFT JOIN ready r USING (run_id, job_kid, n)
LEFT JOIN job_names j USING (job_kid)"""

JOBS = """
CREATE VIEW jobs AS
WITH reruns AS (
    SELECT run_id, list(seq) AS seqs FROM run_fact WHERE type = 'RunRerun' GROUP BY run_id
), placed AS (
    SELECT f.* REPLACE (1 + coalesce(len(list_filter(r.seqs, lambda s: s <= f.seq)), 0) AS run_attempt)
    FROM job_fact f LEFT JOIN reruns r USING (run_id)
), waiting AS (
    SELECT run_id, job_kid, run_attempt, min(stored_at) FILTER (type = 'JobQueued') AS queued_at,
        max(timeout_ms) AS timeout_ms, any_value(labels) AS labels, max(n) AS assigned_n,
        count(*) FILTER (type = 'JobAssigned') AS attempts, bool_or(type = 'CallExpanded') AS calls
    FROM placed WHERE type IN ('JobQueued', 'JobAssigned', 'CallExpanded') GROUP BY run_id, job_kid, run_attempt
), ended AS (
    SELECT run_id, job_kid, run_attempt, stored_at AS finished_at, outcome, conclusion, retries, name, n AS ended_n, why
    FROM placed WHERE type IN ('JobFinished', 'JobSkipped')
), both_of AS (
    SELECT *, coalesce(ended_n, assigned_n) AS n FROM waiting FULL JOIN ended USING (run_id, job_kid, run_attempt)
), started AS (
    SELECT run_id, job_kid, n, host, stored_at AS started_at FROM attempt_fact WHERE type = 'AttemptStarted'
), took AS (
    SELECT run_id, job_kid, n, duration_ms FROM attempt_fact WHERE type = 'AttemptFinished'
)
SELECT run_id, f.run_attempt, j.repository, j.workflow, j.job_id, coalesce(nullif(f.name, ''), j.job) AS job, j.job_key,
    CASE WHEN f.conclusion IS NOT NULL THEN 'completed' WHEN s.started_at IS NOT NULL OR f.calls
        THEN 'in_progress' ELSE 'queued' END AS status,
    f.outcome, f.conclusion, coalesce(f.attempts, 0) AS attempts, coalesce(f.retries, 0) AS retries, s.host, f.labels,
    f.timeout_ms, f.queued_at, s.started_at, f.finished_at,
    date_diff('microseconds', f.queued_at, s.started_at) / 1000 AS waited_ms,
    CASE WHEN f.conclusion IS NULL THEN NULL
        ELSE coalesce(t.duration_ms, date_diff('microseconds', s.started_at, f.finished_at) / 1000) END AS duration_ms,
    nullif(f.why, '') AS why, n, j.workflow_path, j.repository_id, j.workflow_kid, job_kid
FROM both_of f LEFT JOIN started s USING (run_id, job_kid, n) LEFT JOIN took t USING (run_id, job_kid, n)
LEFT JOIN job_names j USING (job_kid)"""

QUEUE_WAITS = """
CREATE VIEW queue_waits AS
WITH waited AS (
    SELECT s.run_id, s.job_kid, s.n, s.host, s.stored_at AS started_at, q.stored_at AS queued_at, q.labels
    FROM (SELECT * FROM attempt_fact WHERE type = 'AttemptStarted') s
    ASOF JOIN (SELECT * FROM job_fact WHERE type = 'JobQueued') q
        ON s.run_id = q.run_id AND s.job_kid = q.job_kid AND s.seq >= q.seq
)
SELECT w.queued_at, w.started_at, date_diff('microseconds', w.queued_at, w.started_at) / 1000 AS waited_ms,
    j.repository, j.workflow, j.job, w.labels, w.host, w.run_id, w.n, w.job_kid
FROM waited w LEFT JOIN job_names j USING (job_kid)"""

RETRIES = """
CREATE VIEW retries AS
SELECT q.stored_at AS retried_at, j.repository, j.workflow, j.job, q.run_id, q.run_attempt, q.retry_of AS failed_n,
    q.why, f.outcome AS ended, f.n AS ended_n, f.retries, f.why AS ended_why, q.job_kid
FROM (SELECT * FROM job_fact WHERE type = 'JobQueued' AND retry_of > 0) q
LEFT JOIN (SELECT * FROM job_fact WHERE type = 'JobFinished') f
    ON f.run_id = q.run_id AND f.job_kid = q.job_kid AND f.seq > q.seq
LEFT JOIN job_names j ON j.job_kid = q.job_kid
QUALIFY row_number() OVER (PARTITION BY q.seq, q.place ORDER BY f.seq) = 1"""

TIMEOUTS = """
CREATE VIEW timeouts AS
SELECT t.stored_at AS adjusted_at, j.repository, j.workflow, j.job, t.run_id, t.run_attempt, t.from_ms, t.to_ms,
    t.rule, t.n, t.longest_ms, t.upper_ms, t.kills, t.position, f.outcome,
    date_diff('microseconds', t.stored_at, f.stored_at) / 1000 AS took_ms,
    CASE WHEN f.outcome = 'timeout' THEN t.from_ms - t.to_ms END AS saved_at_most_ms, t.job_kid
FROM timeout_fact t
LEFT JOIN (SELECT * FROM job_fact WHERE type = 'JobFinished') f
    ON f.run_id = t.run_id AND f.job_kid = t.job_kid AND f.seq > t.seq
LEFT JOIN job_names j ON j.job_kid = t.job_kid
QUALIFY row_number() OVER (PARTITION BY t.seq, t.place ORDER BY f.seq) = 1"""

VIEWS = (ATTEMPTS, JOBS, QUEUE_WAITS, RETRIES, TIMEOUTS)
