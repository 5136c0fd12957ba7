"""Steps, the failed ones among them, and what was wrong with them. SQL only."""

from __future__ import annotations

STEPS = """
CREATE VIEW steps AS
SELECT f.run_id, s.repository, s.workflow, s.job_id, s.job, s.job_key, f.n, f.step, s.step_name AS name, f.part,
    c.command, f.outcome, f.conclusion, f.duration_ms, f.exit_code, f.lines, f.annotations, f.why, f.category,
    k.fingerprint, f.stored_at AS finished_at, s.workflow_path, s.repository_id, f.step_kid
FROM step_fact f LEFT JOIN step_names s USING (step_kid)
LEFT JOIN command_key c ON c.kid = f.command_kid
LEFT JOIN fingerprint_key k ON k.kid = f.fingerprint_kid"""

FAILURES = """
CREATE VIEW failures AS
SELECT f.stored_at AS failed_at, s.repository, s.workflow, s.job, s.step_name AS step, c.command, f.outcome,
    f.exit_code, f.category, k.fingerprint, k.said, r.ref, m.sha, p.event, p.trust, p.pull_request, f.run_id, f.n,
    f.duration_ms, f.why, s.repository_id, f.step_kid, f.fingerprint_kid
FROM (SELECT * FROM step_fact ANTI JOIN trials USING (run_id) WHERE outcome IN ('failure', 'timeout')) f
LEFT JOIN plan_fact p USING (run_id)
LEFT JOIN step_names s USING (step_kid)
LEFT JOIN command_key c ON c.kid = f.command_kid
LEFT JOIN fingerprint_key k ON k.kid = f.fingerprint_kid
LEFT JOIN ref_key r ON r.kid = p.ref_kid
LEFT JOIN commit_key m ON m.kid = p.commit_kid"""

COMMAND_ERRORS = """
CREATE VIEW command_errors AS
WITH counted AS (
    SELECT command_kid, sum(successes) AS successes, sum(failures) AS failures, sum(timeouts) AS timeouts,
        sum(decided_ms) AS decided_ms, count(DISTINCT step_kid) AS steps
    FROM step_days WHERE command_kid > 0 GROUP BY command_kid
)
SELECT c.command, a.successes + a.failures + a.timeouts AS total, a.failures, a.timeouts,
    (a.failures + a.timeouts) / nullif(a.successes + a.failures + a.timeouts, 0) AS error_rate,
    a.decided_ms / nullif(a.successes + a.failures, 0) AS mean_ms, a.steps
FROM counted a JOIN command_key c ON c.kid = a.command_kid"""

VIEWS = (STEPS, FAILURES, COMMAND_ERRORS)
