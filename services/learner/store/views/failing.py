"""What broke, what mended it, and failures by fingerprint. SQL only.

A step *broke* at the first commit at which it failed on a ref after it had passed there (or had never run there), and
*mended* at the first commit at which it passed there again. Where both are the same commit nobody mended anything: the
step is flaky there.
"""

from __future__ import annotations

BREAKAGES = """
CREATE VIEW breakages AS
SELECT b.stored_at AS broke_at, s.repository, s.workflow, s.job, s.step_name AS step, r.ref,
    c.sha AS broke_sha, p.sha AS passed_sha, k.fingerprint, k.said, m.stored_at AS mended_at, x.sha AS mended_sha,
    date_diff('microseconds', b.stored_at, m.stored_at) / 3600000000 AS mended_after_hours,
    b.commit_kid IS NOT DISTINCT FROM m.commit_kid OR b.commit_kid = b.passed_kid AS flaky,
    b.run_id AS broke_run_id, m.run_id AS mended_run_id, s.repository_id, b.step_kid, b.fingerprint_kid
FROM (SELECT * FROM change_fact WHERE kind = 'broke') b
LEFT JOIN (SELECT * FROM change_fact WHERE kind = 'mended') m
    ON m.step_kid = b.step_kid AND m.ref_kid = b.ref_kid AND m.since_seq = b.seq
LEFT JOIN step_names s ON s.step_kid = b.step_kid
LEFT JOIN ref_key r ON r.kid = b.ref_kid
LEFT JOIN commit_key c ON c.kid = b.commit_kid
LEFT JOIN commit_key p ON p.kid = b.passed_kid
LEFT JOIN commit_key x ON x.kid = m.commit_kid
LEFT JOIN fingerprint_key k ON k.kid = b.fingerprint_kid"""

FINGERPRINTS = """
CREATE VIEW fingerprints AS
WITH failed AS (
    SELECT fingerprint_kid, step_kid, count(*) AS failures, count(DISTINCT run_id) AS runs, max(category) AS category,
        min(stored_at) AS first_seen, max(stored_at) AS last_seen
    FROM step_fact ANTI JOIN trials USING (run_id) WHERE fingerprint_kid > 0 GROUP BY fingerprint_kid, step_kid
), counted AS (
    SELECT fingerprint_kid, sum(failures) AS failures, sum(runs) AS runs, count(*) AS steps,
        count(DISTINCT repository_id) AS repositories, max(category) AS category, min(first_seen) AS first_seen,
        max(last_seen) AS last_seen
    FROM failed LEFT JOIN step_names USING (step_kid) GROUP BY fingerprint_kid
), mended AS (
    SELECT fingerprint_kid, arg_max(commit_kid, seq) AS commit_kid, max(stored_at) AS mended_at
    FROM change_fact WHERE kind = 'mended' AND commit_kid <> failed_kid GROUP BY fingerprint_kid
)
SELECT k.fingerprint, k.said, f.category, f.failures, f.runs, f.steps, f.repositories, f.first_seen, f.last_seen,
    c.sha AS last_mended_sha, m.mended_at AS last_mended_at, f.fingerprint_kid
FROM counted f JOIN fingerprint_key k ON k.kid = f.fingerprint_kid
LEFT JOIN mended m USING (fingerprint_kid)
LEFT JOIN commit_key c ON c.kid = m.commit_kid"""

VIEWS = (BREAKAGES, FINGERPRINTS)
