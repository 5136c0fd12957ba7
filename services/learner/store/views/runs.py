"""Deliveries, what became of them, and runs. SQL only."""

from __future__ import annotations

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
    p.number AS run_number, p.run_name, p.event, r.ref, c.sha, p.actor, p.trust, p.pull_request, p.trial,
    CASE WHEN m.conclusion IS NOT NULL THEN 'completed' WHEN m.started_at IS NOT NULL THEN 'in_progress'
        ELSE 'queued' END AS status,
    m.conclusion, m.steps_run, m.why, p.stored_at AS planned_at, m.started_at, m.finished_at,
    date_diff('microseconds', CASE WHEN coalesce(m.run_attempt, 1) = 1 THEN p.stored_at ELSE m.started_at END,
        m.finished_at) / 1000 AS duration_ms,
    p.cause AS delivery, p.lockfiles, w.repository_id, p.workflow_kid, p.commit_kid, p.ref_kid
FROM plan_fact p
LEFT JOIN marks m USING (run_id)
LEFT JOIN workflows w USING (workflow_kid)
LEFT JOIN commit_key c ON c.kid = p.commit_kid
LEFT JOIN ref_key r ON r.kid = p.ref_kid"""

RUNS = """
CREATE VIEW runs AS
SELECT a.* FROM run_attempts a
LEFT JOIN (SELECT run_id, max(run_attempt) AS latest FROM run_fact WHERE type <> 'RunCancelRequested' GROUP BY run_id) l
USING (run_id)
WHERE a.run_attempt = coalesce(l.latest, 1)"""

VIEWS = (DELIVERIES, REJECTIONS, RUN_ATTEMPTS, RUNS)
