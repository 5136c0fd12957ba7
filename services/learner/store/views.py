"""What analysts see: readable views over the fact tables. SQL only.

Rates count what the code decided: success against failure and timeout. Cancelled, skipped and our own errors say
nothing about the code and are not in them. Durations are those of successes and failures; a timeout's is cut off, not
measured. A rate is over `outcome`, before `continue-on-error` made it harmless; a run has a conclusion only.
All times are UTC; durations are milliseconds.
"""

from __future__ import annotations

_DECIDED = "('success', 'failure', 'timeout')"


def _statistics(outcome: str) -> str:
    return f"""
    count(*) AS total,
    count(*) FILTER ({outcome} = 'success') AS successes,
    count(*) FILTER ({outcome} = 'failure') AS failures,
    count(*) FILTER ({outcome} = 'timeout') AS timeouts,
    count(*) FILTER ({outcome} = 'error') AS errors,
    count(*) FILTER ({outcome} = 'cancellation') AS cancellations,
    count(*) FILTER ({outcome} = 'skip') AS skips,
    count(*) FILTER ({outcome} = 'success') / nullif(count(*) FILTER ({outcome} IN {_DECIDED}), 0) AS success_rate,
    quantile_cont(duration_ms, [0.5, 0.9, 0.95]) FILTER ({outcome} IN ('success', 'failure')) AS quantiles,
    max(duration_ms) FILTER ({outcome} IN ('success', 'failure')) AS max_ms"""


_STATISTICS_COLUMNS = """total, successes, failures, timeouts, errors, cancellations, skips, success_rate,
    quantiles[1] AS p50_ms, quantiles[2] AS p90_ms, quantiles[3] AS p95_ms, max_ms"""

WORKFLOWS = """
CREATE VIEW workflows AS
SELECT k.kid AS workflow_kid, l.repository, l.name AS workflow, k.path AS workflow_path, k.repository_id
FROM workflow_key k
LEFT JOIN (
    SELECT kid, arg_max(repository, label) AS repository, arg_max(name, label) AS name FROM workflow_label GROUP BY kid
) l USING (kid)"""

JOB_NAMES = """
CREATE VIEW job_names AS
SELECT k.kid AS job_kid, k.workflow_kid, k.job, coalesce(l.job_id, k.job) AS job_id, coalesce(l.name, k.job) AS name
FROM job_key k
LEFT JOIN (SELECT kid, arg_max(job_id, label) AS job_id, arg_max(name, label) AS name FROM job_label GROUP BY kid) l
USING (kid)"""

DELIVERIES = """
CREATE VIEW deliveries AS
SELECT d.guid, d.stored_at AS received_at, d.event, d.bytes, i.type AS outcome, i.repository,
    coalesce(i.runs, 0) AS runs, coalesce(r.rejected, 0) AS rejected, i.why, i.stored_at AS decided_at,
    date_diff('microseconds', d.stored_at, i.stored_at) / 1000 AS decided_after_ms
FROM delivery_fact d
LEFT JOIN (SELECT * FROM intake_fact WHERE type <> 'WorkflowRejected') i ON i.cause = d.guid
LEFT JOIN (
    SELECT cause, count(*) AS rejected FROM intake_fact WHERE type = 'WorkflowRejected' GROUP BY cause
) r ON r.cause = d.guid"""

REJECTIONS = """
CREATE VIEW rejections AS
SELECT stored_at AS rejected_at, repository, sha, path AS workflow_path, why, cause
FROM intake_fact WHERE type = 'WorkflowRejected'"""

RUN_ATTEMPTS = """
CREATE VIEW run_attempts AS
WITH marks AS (
    SELECT run_id, run_attempt,
        min(stored_at) FILTER (type IN ('RunStarted', 'RunRerun')) AS started_at,
        max(stored_at) FILTER (type = 'RunFinished') AS finished_at,
        arg_max(conclusion, seq) FILTER (type = 'RunFinished') AS conclusion,
        arg_max(steps_run, seq) FILTER (type = 'RunFinished') AS steps_run,
        arg_max(why, seq) FILTER (type = 'RunFinished') AS why
    FROM run_fact WHERE type IN ('RunStarted', 'RunRerun', 'RunFinished') GROUP BY run_id, run_attempt
)
SELECT p.run_id, coalesce(m.run_attempt, 1) AS run_attempt, w.repository, w.workflow, w.workflow_path,
    p.number AS run_number, p.run_name, p.event, p.ref, p.sha, p.actor, p.trust, p.pull_request,
    CASE WHEN m.conclusion IS NOT NULL THEN 'completed' WHEN m.started_at IS NOT NULL THEN 'in_progress'
        ELSE 'queued' END AS status,
    m.conclusion, m.steps_run, m.why, p.stored_at AS planned_at, m.started_at, m.finished_at,
    date_diff('microseconds', CASE WHEN coalesce(m.run_attempt, 1) = 1 THEN p.stored_at ELSE m.started_at END,
        m.finished_at) / 1000 AS duration_ms,
    p.cause AS delivery, w.repository_id, p.workflow_kid
FROM plan_fact p
LEFT JOIN marks m USING (run_id)
LEFT JOIN workflows w USING (workflow_kid)"""

RUNS = """
CREATE VIEW runs AS
SELECT * FROM run_attempts QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY run_attempt DESC) = 1"""

ATTEMPTS = """
CREATE VIEW attempts AS
WITH folded AS (
    SELECT run_id, job_kid, n, any_value(host) AS host,
        max(driver) AS driver, max(how) AS how, max(ready_ms) AS ready_ms,
        min(stored_at) FILTER (type = 'AttemptStarted') AS started_at,
        max(stored_at) FILTER (type IN ('AttemptFinished', 'AttemptLost', 'AttemptRefused')) AS finished_at,
        max(type) FILTER (type IN ('AttemptFinished', 'AttemptLost', 'AttemptRefused')) AS ended,
        max(conclusion) AS conclusion, max(duration_ms) AS duration_ms, max(lines) AS lines,
        max(why) FILTER (why <> '') AS why
    FROM attempt_fact GROUP BY run_id, job_kid, n
)
SELECT f.run_id, w.repository, w.workflow, j.job_id, j.name AS job, j.job AS job_key, f.n, f.host, f.driver, f.how,
    CASE f.ended WHEN 'AttemptLost' THEN 'lost' WHEN 'AttemptRefused' THEN 'refused'
        WHEN 'AttemptFinished' THEN 'finished' ELSE 'running' END AS status,
    f.conclusion, f.started_at, f.finished_at, f.ready_ms, f.duration_ms, f.lines, f.why,
    w.workflow_path, w.repository_id, f.job_kid
FROM folded f LEFT JOIN job_names j USING (job_kid) LEFT JOIN workflows w USING (workflow_kid)"""

JOBS = """
CREATE VIEW jobs AS
WITH begins AS (
    SELECT run_id, seq, run_attempt FROM run_fact WHERE type = 'RunRerun'
), placed AS (
    SELECT f.*, coalesce(b.run_attempt, 1) AS run_attempt
    FROM job_fact f ASOF LEFT JOIN begins b ON f.run_id = b.run_id AND f.seq >= b.seq
), folded AS (
    SELECT run_id, job_kid, run_attempt, arg_max(name, seq) FILTER (name <> '') AS name,
        min(stored_at) FILTER (type = 'JobQueued') AS queued_at,
        max(stored_at) FILTER (type IN ('JobFinished', 'JobSkipped')) AS finished_at,
        max(outcome) AS outcome, max(conclusion) AS conclusion,
        max(n) AS n, count(*) FILTER (type = 'JobAssigned') AS attempts,
        arg_max(host, seq) FILTER (type = 'JobAssigned') AS host, bool_or(type = 'CallExpanded') AS calls,
        arg_max(why, seq) FILTER (type IN ('JobFinished', 'JobSkipped') AND why <> '') AS why
    FROM placed GROUP BY run_id, job_kid, run_attempt
), ran AS (
    SELECT run_id, job_kid, n, min(stored_at) FILTER (type = 'AttemptStarted') AS started_at,
        max(duration_ms) AS duration_ms
    FROM attempt_fact GROUP BY run_id, job_kid, n
)
SELECT f.run_id, f.run_attempt, w.repository, w.workflow, j.job_id, coalesce(f.name, j.name) AS job, j.job AS job_key,
    CASE WHEN f.conclusion IS NOT NULL THEN 'completed' WHEN r.started_at IS NOT NULL OR f.calls
        THEN 'in_progress' ELSE 'queued' END AS status,
    f.outcome, f.conclusion, f.attempts, f.host, f.queued_at, r.started_at, f.finished_at,
    date_diff('microseconds', f.queued_at, r.started_at) / 1000 AS waited_ms,
    CASE WHEN f.conclusion IS NULL THEN NULL
        ELSE coalesce(r.duration_ms, date_diff('microseconds', r.started_at, f.finished_at) / 1000) END AS duration_ms,
    f.why, f.n, w.workflow_path, w.repository_id, j.workflow_kid, f.job_kid
FROM folded f LEFT JOIN ran r USING (run_id, job_kid, n)
LEFT JOIN job_names j USING (job_kid) LEFT JOIN workflows w USING (workflow_kid)"""

STEPS = """
CREATE VIEW steps AS
SELECT f.run_id, w.repository, w.workflow, j.job_id, j.name AS job, j.job AS job_key, f.n, f.step, s.name,
    f.outcome, f.conclusion, f.duration_ms, f.exit_code, f.lines, f.annotations, f.why, f.fingerprint,
    f.stored_at AS finished_at, w.workflow_path, w.repository_id, f.step_kid
FROM step_fact f LEFT JOIN step_key s ON s.kid = f.step_kid
LEFT JOIN job_names j USING (job_kid) LEFT JOIN workflows w USING (workflow_kid)"""

WORKFLOW_STATS = f"""
CREATE VIEW workflow_stats AS
WITH counted AS (
    SELECT workflow_kid, {_statistics("conclusion")}
    FROM run_attempts WHERE conclusion IS NOT NULL GROUP BY workflow_kid
)
SELECT w.repository, w.workflow, w.workflow_path, {_STATISTICS_COLUMNS}, w.repository_id
FROM counted LEFT JOIN workflows w USING (workflow_kid)"""  # noqa: S608  # constants

JOB_STATS = f"""
CREATE VIEW job_stats AS
WITH counted AS (
    SELECT job_kid, {_statistics("outcome")}, avg(waited_ms) AS mean_waited_ms
    FROM jobs WHERE outcome IS NOT NULL GROUP BY job_kid
)
SELECT w.repository, w.workflow, j.job_id, j.name AS job, {_STATISTICS_COLUMNS}, mean_waited_ms,
    w.workflow_path, w.repository_id
FROM counted LEFT JOIN job_names j USING (job_kid) LEFT JOIN workflows w USING (workflow_kid)"""  # noqa: S608  # constants

STEP_STATS = f"""
CREATE VIEW step_stats AS
WITH counted AS (SELECT step_kid, {_statistics("outcome")} FROM step_fact GROUP BY step_kid)
SELECT w.repository, w.workflow, j.job_id, j.name AS job, s.name AS step, {_STATISTICS_COLUMNS},
    w.workflow_path, w.repository_id
FROM counted LEFT JOIN step_key s ON s.kid = counted.step_kid
LEFT JOIN job_names j USING (job_kid) LEFT JOIN workflows w USING (workflow_kid)"""  # noqa: S608  # constants

VIEWS = (
    WORKFLOWS,
    JOB_NAMES,
    DELIVERIES,
    REJECTIONS,
    RUN_ATTEMPTS,
    RUNS,
    ATTEMPTS,
    JOBS,
    STEPS,
    WORKFLOW_STATS,
    JOB_STATS,
    STEP_STATS,
)
"""In the order of creation: each uses those before it alone."""
