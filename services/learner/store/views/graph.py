"""What is connected to what: `node` and `edge`, counted, with first and last seen. SQL only.

A node's `kid` is the key of its names times ten plus a digit for its kind, so it never changes and no two kinds share
one. A repository's key is that of its first workflow. Commits are those that broke or mended something.
"""

from __future__ import annotations

KINDS = ("repository", "workflow", "job", "step", "command", "fingerprint", "commit")


def _kid(key: str, kind: str) -> str:
    return f"{key}::BIGINT * 10 + {KINDS.index(kind) + 1}"


STEP_TOTALS = """
CREATE VIEW step_totals AS
SELECT d.step_kid, s.job_kid, s.workflow_kid, r.repository_kid, s.step_name, s.repository,
    sum(d.total)::BIGINT AS count, min(d.first_at) AS first_seen, max(d.last_at) AS last_seen
FROM step_days d LEFT JOIN step_names s USING (step_kid) LEFT JOIN repositories r ON r.repository_id = s.repository_id
GROUP BY ALL"""

FAILED_TOTALS = """
CREATE VIEW failed_totals AS
SELECT f.fingerprint_kid, f.step_kid, s.repository_kid, count(*) AS count, min(f.stored_at) AS first_seen,
    max(f.stored_at) AS last_seen
FROM step_fact f ANTI JOIN trials USING (run_id)
LEFT JOIN (SELECT step_kid, repository_kid FROM step_names LEFT JOIN repositories USING (repository_id)) s
    USING (step_kid)
WHERE f.fingerprint_kid > 0 GROUP BY ALL"""

_SEEN = "sum(count)::BIGINT AS count, min(first_seen) AS first_seen, max(last_seen) AS last_seen"

NODE = f"""
CREATE VIEW node AS
SELECT {_kid("repository_kid", "repository")} AS kid, 'repository' AS kind, r.repository_id::VARCHAR AS key,
    any_value(r.repository) AS name, any_value(r.repository) AS repository, {_SEEN}
FROM step_totals LEFT JOIN repositories r USING (repository_kid) GROUP BY repository_kid, r.repository_id
UNION ALL
SELECT {_kid("workflow_kid", "workflow")}, 'workflow', any_value(w.workflow_path), any_value(w.workflow),
    any_value(w.repository), {_SEEN}
FROM step_totals LEFT JOIN workflows w USING (workflow_kid) GROUP BY workflow_kid
UNION ALL
SELECT {_kid("job_kid", "job")}, 'job', any_value(j.job_key), any_value(j.job), any_value(j.repository), {_SEEN}
FROM step_totals LEFT JOIN job_names j USING (job_kid) GROUP BY job_kid
UNION ALL
SELECT {_kid("step_kid", "step")}, 'step', step_name, step_name, repository, count, first_seen, last_seen
FROM step_totals
UNION ALL
SELECT {_kid("command_kid", "command")}, 'command', any_value(c.command), any_value(c.command), NULL,
    sum(d.total)::BIGINT, min(d.first_at), max(d.last_at)
FROM step_days d JOIN command_key c ON c.kid = d.command_kid GROUP BY command_kid
UNION ALL
SELECT {_kid("fingerprint_kid", "fingerprint")}, 'fingerprint', any_value(k.fingerprint), any_value(k.said), NULL,
    {_SEEN}
FROM failed_totals JOIN fingerprint_key k ON k.kid = fingerprint_kid GROUP BY fingerprint_kid
UNION ALL
SELECT {_kid("commit_kid", "commit")}, 'commit', any_value(c.sha), any_value(c.sha)[:12], any_value(r.repository),
    count(*), min(f.stored_at), max(f.stored_at)
FROM change_fact f JOIN commit_key c ON c.kid = f.commit_kid LEFT JOIN repositories r USING (repository_id)
WHERE f.kind <> 'failing' GROUP BY commit_kid"""  # noqa: S608  # constants

EDGE = f"""
CREATE VIEW edge AS
SELECT {_kid("repository_kid", "repository")} AS from_kid, {_kid("workflow_kid", "workflow")} AS to_kid, 'has' AS kind,
    {_SEEN} FROM step_totals GROUP BY repository_kid, workflow_kid
UNION ALL
SELECT {_kid("workflow_kid", "workflow")}, {_kid("job_kid", "job")}, 'has', {_SEEN}
FROM step_totals GROUP BY workflow_kid, job_kid
UNION ALL
SELECT {_kid("job_kid", "job")}, {_kid("step_kid", "step")}, 'has', count, first_seen, last_seen FROM step_totals
UNION ALL
SELECT {_kid("step_kid", "step")}, {_kid("command_kid", "command")}, 'runs', sum(total)::BIGINT, min(first_at),
    max(last_at)
FROM step_days WHERE command_kid > 0 GROUP BY step_kid, command_kid
UNION ALL
SELECT {_kid("step_kid", "step")}, {_kid("fingerprint_kid", "fingerprint")}, 'failed with', count, first_seen, last_seen
FROM failed_totals
UNION ALL
SELECT {_kid("repository_kid", "repository")}, {_kid("fingerprint_kid", "fingerprint")}, 'failed with', {_SEEN}
FROM failed_totals GROUP BY repository_kid, fingerprint_kid
UNION ALL
SELECT {_kid("commit_kid", "commit")}, {_kid("step_kid", "step")}, kind, count(*), min(stored_at), max(stored_at)
FROM change_fact WHERE kind <> 'failing' GROUP BY commit_kid, step_kid, kind
UNION ALL
SELECT {_kid("commit_kid", "commit")}, {_kid("fingerprint_kid", "fingerprint")}, kind, count(*), min(stored_at),
    max(stored_at)
FROM change_fact WHERE kind <> 'failing' AND fingerprint_kid > 0 GROUP BY commit_kid, fingerprint_kid, kind"""  # noqa: S608  # constants

VIEWS = (STEP_TOTALS, FAILED_TOTALS, NODE, EDGE)
