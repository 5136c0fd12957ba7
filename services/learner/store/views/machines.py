"""Hosts, their machines, and caches. SQL only."""

from __future__ import annotations

HOSTS = """
CREATE VIEW hosts AS
SELECT host, arg_max(driver, seq) FILTER (type = 'HostJoined') AS driver,
    arg_max(slots, seq) FILTER (type = 'HostJoined') AS slots,
    arg_max(memory_mib, seq) FILTER (type = 'HostJoined') AS memory_mib,
    arg_max("group", seq) FILTER (type = 'HostJoined') AS host_group,
    min(stored_at) FILTER (type = 'HostJoined') AS first_joined_at,
    max(stored_at) FILTER (type = 'HostJoined') AS joined_at,
    max(stored_at) FILTER (type = 'HostLeft') AS left_at,
    count(*) FILTER (type = 'HostJoined') AS boots, arg_max(type, seq) AS last_event, arg_max(why, seq) AS why
FROM host_fact GROUP BY host"""

VMS = """
CREATE VIEW vms AS
WITH said AS (
    SELECT host, vm, seq, stored_at, type, image, cpus, memory_mib, trust, how, ready_ms, run_id, n, bytes, why,
        NULL AS job_kid
    FROM vm_fact WHERE vm <> ''
    UNION ALL
    SELECT host, vm, seq, stored_at, type, image, cpus, memory_mib, NULL, how, ready_ms, run_id, n, NULL, why, job_kid
    FROM attempt_fact WHERE type = 'VmReady' AND vm IS NOT NULL
), folded AS (
    SELECT host, vm, max(image) AS image, max(cpus) AS cpus, max(memory_mib) AS memory_mib, max(trust) AS trust,
        arg_max(how, seq) FILTER (type = 'VmReady') AS how,
        arg_max(how, seq) FILTER (type = 'VmPooled') AS pooled_how,
        min(stored_at) FILTER (type = 'VmPooled') AS pooled_at, min(stored_at) FILTER (type = 'VmReady') AS used_at,
        max(ready_ms) FILTER (type = 'VmPooled') AS pooled_ms, max(ready_ms) FILTER (type = 'VmReady') AS ready_ms,
        min(stored_at) FILTER (type IN ('VmDestroyed', 'VmReaped')) AS gone_at,
        arg_max(why, seq) FILTER (type IN ('VmDestroyed', 'VmReaped')) AS gone_why,
        bool_or(type = 'VmReaped') AS reaped, bool_or(type = 'VmKept') AS kept, max(bytes) AS kept_bytes,
        max(run_id) AS run_id, max(n) AS n, max(job_kid) AS job_kid, bool_or(type = 'TemplateBuilt') AS template
    FROM said GROUP BY host, vm
)
SELECT f.vm, f.host, f.image, f.cpus, f.memory_mib, f.trust, f.template, f.how, f.pooled_how, f.pooled_at, f.used_at,
    f.gone_at, f.pooled_ms, f.ready_ms, date_diff('microseconds', f.pooled_at, f.used_at) / 1000 AS stood_ready_ms,
    date_diff('microseconds', coalesce(f.used_at, f.pooled_at), f.gone_at) / 1000 AS lived_ms,
    f.gone_why, f.reaped, f.kept, f.kept_bytes, f.run_id, j.repository, j.workflow, j.job, f.n
FROM folded f LEFT JOIN job_names j USING (job_kid)"""

CACHES = """
CREATE VIEW caches AS
SELECT c.stored_at AS used_at, j.repository, j.workflow, j.job, c.run_id, c.n, c.key, c.hit, c.bytes, c.duration_ms
FROM cache_fact c LEFT JOIN job_names j USING (job_kid)"""

VIEWS = (HOSTS, VMS, CACHES)
