"""Jobs, attempts at them, how long they wait, and the limits and retries that were learned. SQL only."""

from __future__ import annotations

ATTEMPTS = """
CREATE VIEW attempts AS
WITH folded AS (
    SELECT run_id, job_kid, n, any_value(host) AS host,
        max(driver) AS driver, max(how) AS how, max(ready_ms) AS ready_ms, max(vm) AS vm, max(image) AS image,
        max(cpus) AS cpus, max(memory_mib) AS memory_mib,
        min(stored_at) FILTER (type = 'AttemptStarted') AS started_at,
        max(stored_at) FILTER (type IN ('AttemptFinished', 'AttemptLost', 'AttemptRefused')) AS finished_at,
        max(type) FILTER (type IN ('AttemptFinished', 'AttemptLost', 'AttemptRefused')) AS ended,
        max(conclusion) AS conclusion, max(duration_ms) AS duration_ms, max(lines) AS lines,
        max(why) FILTER (why <> '') AS why
    FROM attempt_fact GROUP BY run_id, job_kid, n
)
SELECT f.run_id, j.repository, j.workflow, j.job_id, j.job, j.job_key, f.n, f.host, f.driver, f.how,
    CASE f.ended WHEN 'AttemptLost' THEN 'lost' WHEN 'AttemptRefused' THEN 'refused'
        WHEN 'AttemptFinished' THEN 'finished' ELSE 'running' END AS status,
    f.conclusion, f.started_at, f.finished_at, f.ready_ms, f.duration_ms, f.lines, f.vm, f.image, f.cpus, f.memory_mib,
    f.why, j.workflow_path, j.repository_id, f.job_kid
FROM folded f LEFT JOIN job_names j USING (job_kid)"""

JOBS = """
CREATE VIEW jobs AS
WITH reruns AS (
    SELECT run_id, list(seq) AS seqs FROM run_fact WHERE type = 'RunRerun' GROUP BY run_id
), placed AS (
    SELECT f.* REPLACE (1 + coalesce(len(list_filter(r.seqs, lambda s: s <= f.seq)), 0) AS run_attempt)
    FROM job_fact f LEFT JOIN reruns r USING (run_id)
), folded AS (
    SELECT run_id, job_kid, run_attempt, arg_max(name, seq) FILTER (name <> '') AS name,
        min(stored_at) FILTER (type = 'JobQueued') AS queued_at, max(timeout_ms) AS timeout_ms,
        max(stored_at) FILTER (type IN ('JobFinished', 'JobSkipped')) AS finished_at,
        max(outcome) AS outcome, max(conclusion) AS conclusion, max(retries) AS retries,
        max(n) AS n, count(*) FILTER (type = 'JobAssigned') AS attempts, max(labels) AS labels,
        arg_max(host, seq) FILTER (type = 'JobAssigned') AS host, bool_or(type = 'CallExpanded') AS calls,
        arg_max(why, seq) FILTER (type IN ('JobFinished', 'JobSkipped') AND why <> '') AS why
    FROM placed GROUP BY run_id, job_kid, run_attempt
), ran AS (
    SELECT run_id, job_kid, n, min(stored_at) FILTER (type = 'AttemptStarted') AS started_at,
        max(duration_ms) AS duration_ms
    FROM attempt_fact GROUP BY run_id, job_kid, n
)
SELECT f.run_id, f.run_attempt, j.repository, j.workflow, j.job_id, coalesce(f.name, j.job) AS job, j.job_key,
    CASE WHEN f.conclusion IS NOT NULL THEN 'completed' WHEN r.started_at IS NOT NULL OR f.calls
        THEN 'in_progress' ELSE 'queued' END AS status,
    f.outcome, f.conclusion, f.attempts, coalesce(f.retries, 0) AS retries, f.host, f.labels, f.timeout_ms,
    f.queued_at, r.started_at, f.finished_at,
    date_diff('microseconds', f.queued_at, r.started_at) / 1000 AS waited_ms,
    CASE WHEN f.conclusion IS NULL THEN NULL
        ELSE coalesce(r.duration_ms, date_diff('microseconds', r.started_at, f.finished_at) / 1000) END AS duration_ms,
    f.why, f.n, j.workflow_path, j.repository_id, j.workflow_kid, f.job_kid
FROM folded f LEFT JOIN ran r USING (run_id, job_kid, n)
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
