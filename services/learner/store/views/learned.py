"""Advice, what became of it, recognized failures, opt-ins, and a language model's words. SQL only."""

from __future__ import annotations

_OF_ADVICE = """kind, repository, path AS workflow_path, name AS job, step, n, limit_ms, rule, longest_ms, upper_ms,
    kills, expected_ms, failed_lately, state, commits, lower_bound, clean_runs, last AS last_flaked_at, tool, lockfile,
    cached, key, action, install_ms, saving_ms, host, trust, size, target, rate_per_hour, dispersion"""

ADVICE = f"""
CREATE VIEW advice AS
WITH newest AS (SELECT repository_id, max(seq) AS seq FROM advice_fact GROUP BY repository_id)
SELECT a.stored_at AS given_at, {_OF_ADVICE}, a.job AS job_key, a.position, a.repository_id
FROM advice_fact a JOIN newest n ON a.seq = n.seq AND a.repository_id IS NOT DISTINCT FROM n.repository_id
WHERE a.kind <> 'none'"""  # noqa: S608  # constants

ADVICE_HISTORY = f"""
CREATE VIEW advice_history AS
SELECT stored_at AS given_at, {_OF_ADVICE}, job AS job_key, position, repository_id
FROM advice_fact WHERE kind <> 'none'"""  # noqa: S608  # constants

ADVICE_EFFECTS = """
CREATE VIEW advice_effects AS
SELECT e.since, e.until, e.kind, r.repository, e.path AS workflow_path, e.job AS job_key, e.step, e.seen, e.applied,
    e."right", e.wrong, e."right" / nullif(e."right" + e.wrong, 0) AS right_share, e.saved_ms, e.error_ms,
    e.repository_id
FROM (
    SELECT * FROM effect_fact
    QUALIFY row_number() OVER (PARTITION BY repository_id, kind, path, job, step, since ORDER BY seq DESC) = 1
) e LEFT JOIN repositories r USING (repository_id)"""
"""They are running totals: the last of each holds those before it."""

RECOGNITIONS = """
CREATE VIEW recognitions AS
SELECT f.stored_at AS recognized_at, j.repository, j.workflow, j.job, f.name AS step, f.run_id, f.run_attempt, f.n,
    f.fingerprint, f.runs, f.since, f.last, f.repositories, f.others, f.broke_sha, f.mended_sha, f.mended_at, f.job_kid
FROM recognition_fact f LEFT JOIN job_names j USING (job_kid)"""

OPT_INS = """
CREATE VIEW opt_ins AS
SELECT repository, timeouts, retry_flaky, fork_text, problems, sha, pushed AS pushed_at, repository_id
FROM opt_ins_fact QUALIFY row_number() OVER (PARTITION BY repository_id ORDER BY pushed DESC, seq DESC) = 1"""

PROPOSALS = """
CREATE VIEW proposals AS
WITH accepted AS (
    SELECT id, min(stored_at) AS accepted_at, arg_min("by", seq) AS accepted_by
    FROM model_fact WHERE type = 'ProposalAccepted' GROUP BY id
)
SELECT m.stored_at AS proposed_at, m.repository, m.path AS workflow_path, m.job, m.step, m.kind, m.about, m.steps,
    m.gaps, m.model, a.accepted_at, a.accepted_by, m.run_id, m.id, m.repository_id
FROM model_fact m LEFT JOIN accepted a USING (id)
WHERE m.type = 'ProposalMade' QUALIFY row_number() OVER (PARTITION BY m.id, m.repository_id ORDER BY m.seq DESC) = 1"""

TRIAGES = """
CREATE VIEW triages AS
SELECT m.stored_at AS given_at, r.repository, m.run_id, m.run_attempt, m.job AS job_key, m.n, m.step, m.category,
    m."by", m.model, m.why AS summary, m.repository_id
FROM model_fact m LEFT JOIN repositories r USING (repository_id) WHERE m.type = 'TriageGiven'"""

MODEL_FAILURES = """
CREATE VIEW model_failures AS
SELECT m.stored_at AS failed_at, r.repository, m.task, m.kind, m.about, m.model, m.why, m.run_id, m.repository_id
FROM model_fact m LEFT JOIN repositories r USING (repository_id) WHERE m.type = 'ModelFailed'"""

VIEWS = (ADVICE, ADVICE_HISTORY, ADVICE_EFFECTS, RECOGNITIONS, OPT_INS, PROPOSALS, TRIAGES, MODEL_FAILURES)
