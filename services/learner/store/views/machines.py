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
WITH made AS (
    SELECT host, vm, type = 'TemplateBuilt' AS template, image, cpus, memory_mib, trust, how AS pooled_how,
        stored_at AS pooled_at, ready_ms AS pooled_ms
    FROM vm_fact WHERE type IN ('TemplateBuilt', 'VmPooled')
), used AS (
    SELECT host, vm, image AS used_image, cpus AS used_cpus, memory_mib AS used_memory_mib, how, stored_at AS used_at,
        ready_ms, run_id, job_kid, n
    FROM attempt_fact WHERE type = 'VmReady' AND vm IS NOT NULL
), gone AS (
    SELECT host, vm, stored_at AS gone_at, why FROM vm_fact WHERE type = 'VmDestroyed'
), reaped AS (
    SELECT host, vm, min(stored_at) AS reaped_at, min(why) AS why FROM vm_fact WHERE type = 'VmReaped' GROUP BY host, vm
), kept AS (
    SELECT host, vm, max(bytes) AS kept_bytes FROM vm_fact WHERE type = 'VmKept' GROUP BY host, vm
)
SELECT vm, host, coalesce(m.image, u.used_image) AS image, coalesce(m.cpus, u.used_cpus) AS cpus,
    coalesce(m.memory_mib, u.used_memory_mib) AS memory_mib, m.trust, coalesce(m.template, false) AS template, u.how,
    m.pooled_how, m.pooled_at, u.used_at, coalesce(g.gone_at, r.reaped_at) AS gone_at, m.pooled_ms, u.ready_ms,
    date_diff('microseconds', m.pooled_at, u.used_at) / 1000 AS stood_ready_ms,
    date_diff('microseconds', coalesce(u.used_at, m.pooled_at), coalesce(g.gone_at, r.reaped_at)) / 1000 AS lived_ms,
    coalesce(g.why, r.why) AS gone_why, r.reaped_at IS NOT NULL AS reaped, k.kept_bytes, u.run_id, j.repository,
    j.workflow, j.job, u.n
FROM made m FULL JOIN used u USING (host, vm)
LEFT JOIN gone g USING (host, vm) LEFT JOIN reaped r USING (host, vm) LEFT JOIN kept k USING (host, vm)
LEFT JOIN job_names j USING (job_kid)"""

CACHES = """
CREATE VIEW caches AS
SELECT c.stored_at AS used_at, j.repository, j.workflow, j.job, c.run_id, c.n, c.key, c.hit, c.bytes, c.duration_ms
FROM cache_fact c LEFT JOIN job_names j USING (job_kid)"""

VIEWS = (HOSTS, VMS, CACHES)
