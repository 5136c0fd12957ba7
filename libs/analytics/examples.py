"""Questions that people ask of their CI, each as one statement: `firebreak sql --example NAME`, and docs/analytics.md.

They are asked as they stand; `days_ago` counts from the snapshot, not from the clock. Each is run in the tests
on a file whose answer is known.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Example:
    name: str
    question: str
    query: str


EXAMPLES = (
    Example(
        "slowest-jobs",
        "Which jobs take longest?",
        """
SELECT repository, workflow, job, total, round(p50_ms / 1000) AS p50_s, round(p95_ms / 1000) AS p95_s
FROM job_stats WHERE p95_ms IS NOT NULL ORDER BY p95_ms DESC LIMIT 20""",
    ),
    Example(
        "slowest-steps",
        "Which steps cost most time in all?",
        """
SELECT repository, workflow, job, step, total, round(p50_ms / 1000, 1) AS p50_s,
    round(total * p50_ms / 3600000, 1) AS hours_about
FROM step_stats WHERE p50_ms IS NOT NULL ORDER BY total * p50_ms DESC LIMIT 20""",
    ),
    Example(
        "longest-job-of-each-workflow",
        "Which job decides how long a run takes?",
        """
WITH longest AS (
    SELECT job_kid, duration_ms FROM (
        SELECT run_id, job_kid, duration_ms FROM attempt_fact ANTI JOIN trials USING (run_id)
        WHERE type = 'AttemptFinished' AND stored_at > days_ago(30)
    ) QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY duration_ms DESC, job_kid) = 1
)
SELECT j.repository, j.workflow, j.job, count(*) AS longest_in_runs, round(median(l.duration_ms) / 1000) AS p50_s
FROM longest l JOIN job_names j USING (job_kid) GROUP BY ALL ORDER BY longest_in_runs DESC, p50_s DESC LIMIT 20""",
    ),
    Example(
        "flaky-steps",
        "Which steps pass and fail at the same commit?",
        """
SELECT repository, workflow, job, step, state, flaky_commits, flaky_commits_14d, red_commits,
    round(share_of_red, 2) AS share_of_red, last_flaked_at
FROM flakiness ORDER BY flaky_commits_14d DESC, flaky_commits DESC LIMIT 20""",
    ),
    Example(
        "flaky-known",
        "What is held to be flaky now, and how sure is that?",
        """
SELECT repository, workflow_path, job, step, state, commits, round(lower_bound, 2) AS at_least, clean_runs,
    last_flaked_at
FROM advice WHERE kind = 'flaky' ORDER BY state, lower_bound DESC""",
    ),
    Example(
        "retries",
        "What was run again because it is known to be flaky, and did it help?",
        """
SELECT retried_at, repository, workflow, job, run_id, failed_n, ended, ended_n, ended_why
FROM retries ORDER BY retried_at DESC LIMIT 50""",
    ),
    Example(
        "broke-this-week",
        "What broke this week, with which commit, and is it mended?",
        """
SELECT broke_at, repository, workflow, job, step, ref, broke_sha[:12] AS broke, passed_sha[:12] AS passed_before,
    mended_sha[:12] AS mended, said
FROM breakages WHERE broke_at > days_ago(7) AND NOT flaky AND passed_sha IS NOT NULL
ORDER BY broke_at DESC LIMIT 50""",
    ),
    Example(
        "time-to-mend",
        "How long does it take until what broke passes again?",
        """
SELECT repository, count(*) AS broke, count(mended_at) AS mended,
    round(median(mended_after_hours), 1) AS median_hours, round(avg(mended_after_hours), 1) AS mean_hours
FROM breakages WHERE broke_at > days_ago(90) AND NOT flaky AND passed_sha IS NOT NULL
GROUP BY repository ORDER BY mean_hours DESC NULLS LAST""",
    ),
    Example(
        "seen-before",
        "Was the newest failure seen before, where, and what mended it?",
        """
WITH newest AS (SELECT fingerprint_kid FROM change_fact WHERE kind <> 'mended' ORDER BY seq DESC LIMIT 1)
SELECT fingerprint, said, category, runs, repositories, first_seen, last_seen, last_mended_sha[:12] AS last_mended,
    last_mended_at
FROM fingerprints SEMI JOIN newest USING (fingerprint_kid)""",
    ),
    Example(
        "connected-to-a-failure",
        "What is connected to the most frequent failure?",
        """
WITH wanted AS (SELECT kid FROM node WHERE kind = 'fingerprint' ORDER BY count DESC, kid LIMIT 1)
SELECT e.kind, n.kind AS what, n.name, n.repository, e.count, e.first_seen, e.last_seen
FROM edge e JOIN wanted w ON e.to_kid = w.kid JOIN node n ON n.kid = e.from_kid
ORDER BY e.count DESC, n.kind, n.name LIMIT 50""",
    ),
    Example(
        "failures-by-category",
        "What do failures come from?",
        """
SELECT CASE category WHEN '' THEN '(the code itself, or unknown)' ELSE category END AS category, count(*) AS failures,
    count(DISTINCT run_id) AS runs, max(stored_at) AS last_at
FROM step_fact ANTI JOIN trials USING (run_id)
WHERE outcome IN ('failure', 'timeout') AND stored_at > days_ago(30)
GROUP BY ALL ORDER BY failures DESC""",
    ),
    Example(
        "worst-commands",
        "Which kinds of command fail most often?",
        """
SELECT command, total, failures, timeouts, round(error_rate, 3) AS error_rate, round(mean_ms / 1000, 1) AS mean_s
FROM command_errors WHERE total > 0 ORDER BY error_rate DESC, total DESC LIMIT 20""",
    ),
    Example(
        "success-now-against-trend",
        "What got worse lately?",
        """
SELECT level, repository, workflow, job, step, round(now_rate, 3) AS now_rate, round(now_low, 2) AS now_low,
    round(now_high, 2) AS now_high, round(trend_rate, 3) AS trend_rate, round(now_weight, 1) AS outcomes
FROM success_rates WHERE now_weight >= 1 ORDER BY now_rate - trend_rate LIMIT 20""",
    ),
    Example(
        "cost-by-repository",
        "Where do the machines' minutes go?",
        """
SELECT repository, workflow, sum(attempts)::BIGINT AS attempts, round(sum(minutes), 1) AS minutes,
    round(sum(red_minutes), 1) AS red_minutes, round(sum(boot_minutes), 1) AS boot_minutes
FROM vm_minutes WHERE day > days_ago(30) GROUP BY ALL ORDER BY minutes DESC""",
    ),
    Example(
        "cost-by-day",
        "How many minutes a day?",
        """
SELECT day, sum(attempts)::BIGINT AS attempts, round(sum(minutes), 1) AS minutes,
    round(sum(red_minutes), 1) AS red_minutes
FROM vm_minutes WHERE day > days_ago(30) GROUP BY day ORDER BY day""",
    ),
    Example(
        "queue-waits-by-hour",
        "At which hours (UTC) do jobs wait for a host?",
        """
SELECT hour(queued_at) AS hour, count(*) AS jobs, round(quantile_cont(waited_ms, 0.5)) AS p50_ms,
    round(quantile_cont(waited_ms, 0.95)) AS p95_ms, round(max(waited_ms)) AS max_ms
FROM queue_waits WHERE started_at > days_ago(14) GROUP BY hour ORDER BY hour""",
    ),
    Example(
        "host-utilisation",
        "How busy are the hosts?",
        """
WITH busy AS (
    SELECT host, date_trunc('day', stored_at) AS day, sum(duration_ms) / 60000 AS minutes
    FROM attempt_fact WHERE type = 'AttemptFinished' AND stored_at > days_ago(14) GROUP BY ALL
)
SELECT b.host, b.day, round(b.minutes, 1) AS busy_minutes, h.slots,
    round(b.minutes / (h.slots * 1440), 4) AS utilisation
FROM busy b LEFT JOIN hosts h USING (host) ORDER BY b.day DESC, utilisation DESC""",
    ),
    Example(
        "pool-hits",
        "How often does a machine stand ready, and what does a miss cost?",
        """
SELECT how, count(*) AS machines, round(quantile_cont(ready_ms, 0.5), 1) AS p50_ready_ms,
    round(quantile_cont(ready_ms, 0.95), 1) AS p95_ready_ms
FROM attempt_fact WHERE type = 'VmReady' AND stored_at > days_ago(30) GROUP BY how ORDER BY machines DESC""",
    ),
    Example(
        "machines",
        "What became of the machines that stood ready?",
        """
SELECT host, image, count(*) AS machines, count(used_at) AS used, count(*) FILTER (reaped) AS reaped,
    count(kept_bytes) AS kept, round(avg(stood_ready_ms)) AS mean_stood_ready_ms
FROM vms WHERE pooled_at > days_ago(30) AND NOT template GROUP BY ALL ORDER BY machines DESC""",
    ),
    Example(
        "deliveries-ignored",
        "Which deliveries start nothing, and why?",
        """
SELECT event, outcome, why, count(*) AS deliveries, max(received_at) AS last_at
FROM deliveries WHERE runs = 0 AND received_at > days_ago(30)
GROUP BY ALL ORDER BY deliveries DESC LIMIT 20""",
    ),
    Example(
        "rejected-workflows",
        "Which workflow files have errors?",
        """
SELECT repository, workflow_path, count(*) AS times, max(rejected_at) AS last_at, arg_max(why, rejected_at) AS why
FROM rejections GROUP BY repository, workflow_path ORDER BY last_at DESC LIMIT 50""",
    ),
    Example(
        "reruns",
        "What do people run again by hand, and does it pass then?",
        """
SELECT repository, workflow, count(*) AS reruns, count(*) FILTER (conclusion = 'success') AS passed_then,
    max(started_at) AS last_at
FROM run_attempts WHERE run_attempt > 1 AND started_at > days_ago(90) GROUP BY ALL ORDER BY reruns DESC LIMIT 20""",
    ),
    Example(
        "advice",
        "What is advised now, for how long a job takes and may take?",
        """
SELECT kind, repository, workflow_path, job, n, round(expected_ms / 1000, 1) AS expected_s,
    round(limit_ms / 1000, 1) AS limit_s, rule, round(longest_ms / 1000, 1) AS longest_s, kills, failed_lately, given_at
FROM advice WHERE kind IN ('timeout', 'duration') ORDER BY repository, workflow_path, job, kind""",
    ),
    Example(
        "advice-and-effect",
        "What became of the advice?",
        """
SELECT kind, repository, workflow_path, job_key, sum(seen)::BIGINT AS seen, sum(applied)::BIGINT AS applied,
    sum("right")::BIGINT AS was_right, sum(wrong)::BIGINT AS was_wrong, round(sum(saved_ms) / 60000, 1) AS saved_minutes
FROM advice_effects GROUP BY ALL ORDER BY kind, seen DESC""",
    ),
    Example(
        "limits-adjusted",
        "Which time limits were shortened, and was it right?",
        """
SELECT repository, workflow, job, count(*) AS adjusted, round(min(from_ms) / 60000) AS declared_min,
    round(min(to_ms) / 1000, 1) AS shortest_s, round(max(to_ms) / 1000, 1) AS longest_s,
    count(*) FILTER (outcome = 'success') AS succeeded, count(*) FILTER (outcome = 'timeout') AS ended_by_it,
    round(coalesce(sum(saved_at_most_ms), 0) / 60000, 1) AS saved_min_at_most
FROM timeouts GROUP BY ALL ORDER BY adjusted DESC""",
    ),
    Example(
        "hangs-killed-early",
        "Which jobs did a learned limit end, and on what evidence?",
        """
SELECT adjusted_at, repository, workflow, job, run_id, round(took_ms / 1000, 1) AS took_s,
    round(to_ms / 1000, 1) AS limit_s, round(from_ms / 60000) AS declared_min, rule, n,
    round(longest_ms / 1000, 1) AS longest_success_s, kills
FROM timeouts WHERE outcome = 'timeout' ORDER BY adjusted_at DESC LIMIT 50""",
    ),
    Example(
        "cache-candidates",
        "Which installations should be cached?",
        """
SELECT repository, workflow_path, job, step, tool, lockfile, cached, action, round(install_ms / 1000, 1) AS install_s,
    round(saving_ms / 1000, 1) AS saving_s, n
FROM advice WHERE kind = 'cache' ORDER BY saving_ms DESC""",
    ),
    Example(
        "proposals",
        "What did the model propose, and was it taken?",
        """
SELECT proposed_at, repository, workflow_path, job, kind, about, steps, gaps, model, accepted_by, id[:12] AS id
FROM proposals ORDER BY proposed_at DESC LIMIT 50""",
    ),
    Example(
        "model-failures",
        "How often is there no answer of the model, and why?",
        """
SELECT task, kind, model, count(*) AS times, max(failed_at) AS last_at
FROM model_failures GROUP BY ALL ORDER BY times DESC""",
    ),
)


def example(name: str) -> Example | None:
    return next((each for each in EXAMPLES if each.name == name), None)
