"""A year of an installation, made straight in the learner's own tables: for measuring questions, not the learner.

Forty repositories of two workflows of eight jobs of ten steps: 6,400 step keys. A fifth of the jobs fail, at one of
their steps, after which the others are skipped; three runs in a hundred are of a commit that ran already. Everything
follows from the numbers of rows by a hash, so that it is the same every time.
"""

from __future__ import annotations

from pathlib import Path

from services.learner.store.database import open_database
from services.learner.store.deriving import derive

STEPS = 10_000_000
REPOSITORIES, WORKFLOWS, JOBS, STEPS_A_JOB = 40, 2, 8, 10
STEPS_A_RUN = JOBS * STEPS_A_JOB
EVENTS_A_RUN = STEPS_A_RUN + 120
FAILING_PERMILLE, RERUN_PERMILLE = 197, 32
COMMANDS, FINGERPRINTS = 40, 5_000


def write_year(path: Path, steps: int = STEPS) -> None:
    """The file at `path`, with all that is derived, closed and complete."""
    import duckdb

    database = open_database(path)
    database.close()
    with duckdb.connect(str(path), config={"memory_limit": "2GB", "threads": 2, "temp_directory": ""}) as connection:
        for statement in _statements(steps):
            connection.execute(statement)
        derive(connection, steps // STEPS_A_RUN * EVENTS_A_RUN)
        connection.execute("CHECKPOINT")


def _statements(steps: int) -> list[str]:
    runs = steps // STEPS_A_RUN
    every = f"(INTERVAL 365 DAY / {runs})"
    start = "TIMESTAMP '2025-11-24 00:00:00'"
    workflow = f"(r % {REPOSITORIES * WORKFLOWS} + 1)"
    # A rerun is of the commit of the same workflow's run before it.
    source = f"CASE WHEN hash(r) % 1000 < {RERUN_PERMILLE} THEN greatest(r - {REPOSITORIES * WORKFLOWS}, 0) ELSE r END"
    at = f"({start} + {every} * r)"
    seq = f"(r * {EVENTS_A_RUN})"
    fails = f"(hash(j, 1) % 1000 < {FAILING_PERMILLE})"
    failing = f"(CASE WHEN {fails} THEN (hash(j, 2) % {STEPS_A_JOB})::INTEGER ELSE {STEPS_A_JOB} END)"
    step_kid = f"((({workflow} - 1) * {JOBS} + j % {JOBS}) * {STEPS_A_JOB} + s + 1)"
    job_kid = f"(({workflow} - 1) * {JOBS} + j % {JOBS} + 1)"
    job_at = f"{at} + INTERVAL 20 SECOND * (j % {JOBS})"
    job_seq = f"{seq} + (j % {JOBS}) * 14 + 2"
    took = "(60000 + 1000 * (hash(j, 3) % 600))"
    jobs = f"(SELECT j, j // {JOBS} AS r FROM range({runs * JOBS}) t(j))"
    steps_of = (
        f"(SELECT i, i % {STEPS_A_JOB} AS s, i // {STEPS_A_JOB} AS j, i // {STEPS_A_RUN} AS r FROM range({steps}) t(i))"
    )
    run_id = "(hash(r, 7) >> 11)::BIGINT"
    host = "'host-' || (j % 8)"
    return [
        f"""INSERT INTO workflow_key SELECT r + 1, 1000 + r % {REPOSITORIES}, 'ci-' || (r // {REPOSITORIES}) || '.yml'
        FROM range({REPOSITORIES * WORKFLOWS}) t(r)""",
        f"""INSERT INTO workflow_label SELECT r + 1, 0, 'octo/repository-' || (r % {REPOSITORIES}), 'CI ' || r
        FROM range({REPOSITORIES * WORKFLOWS}) t(r)""",
        f"""INSERT INTO job_key SELECT j + 1, j // {JOBS} + 1, 'job-' || (j % {JOBS})
        FROM range({REPOSITORIES * WORKFLOWS * JOBS}) t(j)""",
        "INSERT INTO job_label SELECT kid, 0, job, 'Job ' || job FROM job_key",
        f"""INSERT INTO step_key SELECT s + 1, s // {STEPS_A_JOB} + 1, 'Step ' || (s % {STEPS_A_JOB})
        FROM range({REPOSITORIES * WORKFLOWS * JOBS * STEPS_A_JOB}) t(s)""",
        f"INSERT INTO command_key SELECT k + 1, 'command-' || k FROM range({COMMANDS}) t(k)",
        f"""INSERT INTO fingerprint_key SELECT k + 1, md5(k::VARCHAR)[:16], 'error number ' || k
        FROM range({FINGERPRINTS}) t(k)""",
        f"""INSERT INTO commit_key SELECT r + 1, 1000 + r % {REPOSITORIES}, sha1(r::VARCHAR) FROM range({runs}) t(r)""",
        f"""INSERT INTO ref_key SELECT r + 1, 1000 + r % {REPOSITORIES}, CASE WHEN r < {REPOSITORIES}
            THEN 'refs/heads/main' ELSE 'refs/pull/' || r || '/merge' END FROM range({runs}) t(r)""",
        f"""INSERT INTO plan_fact SELECT {seq}, {at}, {run_id}, {workflow}, ({source}) + 1,
            CASE WHEN hash(r, 4) % 10 < 4 THEN r % {REPOSITORIES} ELSE (r // 240) * 80 + r % 80 END + 1, r // 80,
            CASE WHEN hash(r, 4) % 10 < 4 THEN 'push' ELSE 'pull_request' END, 'run ' || r, 'octocat', 'own', NULL,
            md5(r::VARCHAR), 'package-lock.json', '', r % 3 = 0
        FROM range({runs}) t(r)""",
        f"""INSERT INTO run_fact SELECT {seq} + 1, 0, {at}, {run_id}, 'RunStarted', 1, NULL, NULL, ''
        FROM range({runs}) t(r)""",
        f"""INSERT INTO run_fact SELECT {seq} + {EVENTS_A_RUN} - 1, 0, {at} + INTERVAL 15 MINUTE, {run_id},
            'RunFinished', 1, CASE WHEN hash(r, 5) % 10 < 6 THEN 'success' ELSE 'failure' END, 80, ''
        FROM range({runs}) t(r)""",
        f"""INSERT INTO delivery_fact SELECT r + 1, {at} - INTERVAL 1 SECOND, md5(r::VARCHAR), 'push', 8000, '1'
        FROM range({runs}) t(r)""",
        f"""INSERT INTO intake_fact SELECT {seq} - 1, 0, {at}, md5(r::VARCHAR), 'RunsPlanned', 'push',
            'octo/repository-' || (r % {REPOSITORIES}), sha1(r::VARCHAR), '', 1, '' FROM range({runs}) t(r)""",
        f"""INSERT INTO job_fact SELECT {job_seq} + k, 0, {job_at} + INTERVAL 1 SECOND * k * (hash(j, 6) % 60),
            {run_id}, {job_kid}, ['JobQueued', 'JobAssigned'][k + 1], CASE WHEN k = 0 THEN 'Job' ELSE '' END,
            CASE WHEN k = 1 THEN 1 END, CASE WHEN k = 1 THEN {host} END, NULL, NULL, CASE WHEN k = 0 THEN 1 END,
            CASE WHEN k = 0 THEN 21600000 END, CASE WHEN k = 0 THEN 'ubuntu-latest' END, NULL, NULL, ''
        FROM {jobs}, range(2) t(k)""",
        f"""INSERT INTO job_fact SELECT {job_seq} + 100, 0, {job_at} + INTERVAL 10 MINUTE, {run_id}, {job_kid},
            'JobFinished', 'Job', 1, NULL, CASE WHEN {fails} THEN 'failure' ELSE 'success' END,
            CASE WHEN {fails} THEN 'failure' ELSE 'success' END, NULL, NULL, NULL, NULL, 0,
            CASE WHEN {fails} THEN 'a step failed' ELSE '' END FROM {jobs}""",
        f"""INSERT INTO attempt_fact SELECT {job_seq} + 2 + k, k, {job_at} + INTERVAL 1 SECOND * (60 + k), {run_id},
            {job_kid}, 1, {host}, ['AttemptStarted', 'VmReady'][k + 1], CASE WHEN k = 0 THEN 'firecracker' END,
            CASE WHEN k = 1 THEN 'pooled' END, CASE WHEN k = 1 THEN 31.5 END, CASE WHEN k = 1 THEN 'vm-' || j END,
            CASE WHEN k = 1 THEN 'minimal' END, CASE WHEN k = 1 THEN 2 END, CASE WHEN k = 1 THEN 4096 END, NULL, NULL,
            NULL, NULL, '' FROM {jobs}, range(2) t(k)""",
        f"""INSERT INTO attempt_fact SELECT {job_seq} + 99, 0, {job_at} + INTERVAL 10 MINUTE, {run_id}, {job_kid}, 1,
            {host}, 'AttemptFinished', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            CASE WHEN {fails} THEN 'failure' ELSE 'success' END, {took}, 900, '' FROM {jobs}""",
        f"""INSERT INTO vm_fact SELECT {job_seq} + k * 98, 0, {job_at} + INTERVAL 10 MINUTE * k, {host},
            ['VmPooled', 'VmDestroyed'][k + 1], 'vm-' || j, 'minimal', 2, 4096, 'own', 'restored', 31.5, NULL,
            NULL, NULL, NULL, NULL, '' FROM {jobs}, range(2) t(k)""",
        f"""INSERT INTO step_fact SELECT {seq} + i % {STEPS_A_RUN} + 110, 0,
            {at} + INTERVAL 20 SECOND * (j % {JOBS}) + INTERVAL 1 MINUTE * s, {run_id}, {step_kid},
            {step_kid} % {COMMANDS} + 1,
            CASE WHEN s = {failing} THEN ({step_kid} * 7 + hash(j, 8) % 3) % {FINGERPRINTS} + 1 ELSE 0 END,
            1, s, 'main',
            CASE WHEN s < {failing} THEN 'success' WHEN s = {failing} THEN 'failure' ELSE 'skip' END,
            CASE WHEN s < {failing} THEN 'success' WHEN s = {failing} THEN 'failure' ELSE 'skip' END,
            CASE WHEN s <= {failing} THEN 500 + hash(i) % (1000 * (s + 1)) ELSE 0 END,
            CASE WHEN s < {failing} THEN 0 WHEN s = {failing} THEN 1 END, 100, 0,
            CASE WHEN s = {failing} AND hash(j, 9) % 10 = 0 THEN 'network' ELSE '' END, '' FROM {steps_of}""",
        f"INSERT INTO cursor SELECT 'EVENTS', {runs * EVENTS_A_RUN}, 'x', 1, {start} + INTERVAL 365 DAY",
    ]
