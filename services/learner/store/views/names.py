"""Names of keys, and the moment that the file is of: what the other views are joined with. SQL only."""

from __future__ import annotations

AS_OF = """
CREATE VIEW as_of AS
SELECT max(stored_at) AS now FROM cursor"""

DAYS_AGO = "CREATE MACRO days_ago(days) AS (SELECT max(stored_at) FROM cursor) - to_days(days)"

WORKFLOWS = """
CREATE VIEW workflows AS
SELECT k.kid AS workflow_kid, l.repository, l.name AS workflow, k.path AS workflow_path, k.repository_id
FROM workflow_key k
LEFT JOIN (
    SELECT kid, arg_max(repository, label) AS repository, arg_max(name, label) AS name FROM workflow_label GROUP BY kid
) l USING (kid)"""

REPOSITORIES = """
CREATE VIEW repositories AS
SELECT repository_id, arg_max(repository, label) AS repository, min(kid) AS repository_kid
FROM workflow_key LEFT JOIN workflow_label USING (kid) GROUP BY repository_id"""

JOB_NAMES = """
CREATE VIEW job_names AS
SELECT k.kid AS job_kid, k.workflow_kid, k.job AS job_key, coalesce(l.job_id, k.job) AS job_id,
    coalesce(l.name, k.job) AS job, w.repository, w.workflow, w.workflow_path, w.repository_id
FROM job_key k
LEFT JOIN (SELECT kid, arg_max(job_id, label) AS job_id, arg_max(name, label) AS name FROM job_label GROUP BY kid) l
USING (kid)
LEFT JOIN workflows w USING (workflow_kid)"""

STEP_NAMES = """
CREATE VIEW step_names AS
SELECT s.kid AS step_kid, s.name AS step_name, j.*
FROM step_key s LEFT JOIN job_names j USING (job_kid)"""

TRIALS = """
CREATE VIEW trials AS
SELECT run_id, trial FROM plan_fact WHERE trial <> ''"""

VIEWS = (AS_OF, DAYS_AGO, TRIALS, WORKFLOWS, REPOSITORIES, JOB_NAMES, STEP_NAMES)
