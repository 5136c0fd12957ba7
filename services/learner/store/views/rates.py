"""Success now and as a trend, with intervals, and flakiness as a lower bound. SQL only; tested beside `learning.rates`.

The rate of the formula is exact: what a day adds to the decayed sums is kept as of the day's end (`step_day`), and the
rest is one factor a day. The interval is not: DuckDB has no inverse of the incomplete beta function, so the quantile is
that of the logit of a Beta variable (a difference of two log-gammas, whose cumulants are polygamma functions) by
Cornish and Fisher's expansion (1938). It is within 0.08 of the exact one, within 0.03 from ten outcomes on.
"""

from __future__ import annotations

from services.learner.store.words import NOW_SECONDS, RED, TREND_SECONDS

Z = 1.6448536269514722
"""The 95 % point of the normal distribution."""
# Asymptotic series of the polygamma functions (Abramowitz and Stegun 6.3.18, 6.4.11) at x + 3, where they are accurate,
# and the recurrence down to x.
MACROS = (
    """CREATE MACRO polygamma_0(x) AS ln(x + 3) - 1 / (2 * (x + 3)) - 1 / (12 * (x + 3) ^ 2) + 1 / (120 * (x + 3) ^ 4)
        - 1 / x - 1 / (x + 1) - 1 / (x + 2)""",
    """CREATE MACRO polygamma_1(x) AS 1 / (x + 3) + 1 / (2 * (x + 3) ^ 2) + 1 / (6 * (x + 3) ^ 3) 
        - 1 / (30 * (x + 3) ^ 5) + 1 / x ^ 2 + 1 / (x + 1) ^ 2 + 1 / (x + 2) ^ 2""",
    """CREATE MACRO polygamma_2(x) AS -1 / (x + 3) ^ 2 - 1 / (x + 3) ^ 3 - 1 / (2 * (x + 3) ^ 4)
        - 2 / x ^ 3 - 2 / (x + 1) ^ 3 - 2 / (x + 2) ^ 3""",
    """CREATE MACRO polygamma_3(x) AS 2 / (x + 3) ^ 3 + 3 / (x + 3) ^ 4 + 2 / (x + 3) ^ 5
        + 6 / x ^ 4 + 6 / (x + 1) ^ 4 + 6 / (x + 2) ^ 4""",
    """CREATE MACRO cornish_fisher(z, mean, variance, third, fourth) AS mean + sqrt(variance) * (
        z + (z ^ 2 - 1) * third / variance ^ 1.5 / 6 + (z ^ 3 - 3 * z) * fourth / variance ^ 2 / 24
        - (2 * z ^ 3 - 5 * z) * (third / variance ^ 1.5) ^ 2 / 36)""",
    """CREATE MACRO beta_quantile_at(z, a, b) AS 1 / (1 + exp(-least(600, greatest(-600, cornish_fisher(
        z, polygamma_0(a) - polygamma_0(b), polygamma_1(a) + polygamma_1(b), polygamma_2(a) - polygamma_2(b),
        polygamma_3(a) + polygamma_3(b))))))""",
    "CREATE MACRO decay(age_seconds, half_life_seconds) AS 2.0 ^ (-greatest(age_seconds, 0) / half_life_seconds)",
)

_DAY_END = "epoch(day + INTERVAL 1 DAY)"


def day_sums(facts: str) -> str:
    """The columns of a day's sums, from a source of step facts; decayed ones are as of the day's end."""

    def decayed(outcomes: str, half_life_seconds: int) -> str:
        age = "epoch(date_trunc('day', stored_at) + INTERVAL 1 DAY) - epoch(stored_at)"
        return f"sum(2.0 ^ (-({age}) / {half_life_seconds})) FILTER (outcome IN {outcomes})"

    return f"""SELECT date_trunc('day', stored_at) AS day, step_kid, command_kid, count(*) AS total,
    count(*) FILTER (outcome = 'success') AS successes, count(*) FILTER (outcome = 'failure') AS failures,
    count(*) FILTER (outcome = 'timeout') AS timeouts, count(*) FILTER (outcome = 'error') AS errors,
    count(*) FILTER (outcome = 'cancellation') AS cancellations, count(*) FILTER (outcome = 'skip') AS skips,
    coalesce(sum(duration_ms) FILTER (outcome IN ('success', 'failure')), 0) AS decided_ms,
    coalesce({decayed("('success')", NOW_SECONDS)}, 0) AS now_passed,
    coalesce({decayed(RED, NOW_SECONDS)}, 0) AS now_failed,
    coalesce({decayed("('success')", TREND_SECONDS)}, 0) AS trend_passed,
    coalesce({decayed(RED, TREND_SECONDS)}, 0) AS trend_failed,
    min(stored_at) AS first_at, max(stored_at) AS last_at
FROM {facts} GROUP BY ALL"""  # noqa: S608  # constants


_NOT_ROLLED = """step_fact ANTI JOIN trials USING (run_id)
    WHERE seq > (SELECT coalesce(max(rolled_seq), 0) FROM derived)"""
STEP_DAYS = f"""
CREATE VIEW step_days AS
SELECT * FROM step_day
UNION ALL
{day_sums(_NOT_ROLLED)}"""  # noqa: S608  # constants

_FACTOR = f"2.0 ^ (({_DAY_END} - epoch((SELECT now FROM as_of))) / "  # noqa: S608  # a constant


def _raw(half_life_seconds: int, outcomes: str, outcome: str) -> str:
    age = "epoch((SELECT now FROM as_of)) - epoch(stored_at)"
    return f"coalesce(sum(decay({age}, {half_life_seconds})) FILTER ({outcome} IN {outcomes}), 0)"


def _raw_sums(outcome: str) -> str:
    return f"""{_raw(NOW_SECONDS, "('success')", outcome)} AS np, {_raw(NOW_SECONDS, RED, outcome)} AS nf,
    {_raw(TREND_SECONDS, "('success')", outcome)} AS tp, {_raw(TREND_SECONDS, RED, outcome)} AS tf"""


SUCCESS_RATES = f"""
CREATE VIEW success_rates AS
WITH steps_summed AS (
    SELECT step_kid, sum(now_passed * {_FACTOR}{NOW_SECONDS})) AS np, sum(now_failed * {_FACTOR}{NOW_SECONDS})) AS nf,
        sum(trend_passed * {_FACTOR}{TREND_SECONDS})) AS tp, sum(trend_failed * {_FACTOR}{TREND_SECONDS})) AS tf
    FROM step_days GROUP BY step_kid
), jobs_summed AS (
    SELECT job_kid, {_raw_sums("outcome")} FROM job_fact ANTI JOIN trials USING (run_id)
    WHERE type = 'JobFinished' GROUP BY job_kid
), workflows_summed AS (
    SELECT p.workflow_kid, {_raw_sums("f.conclusion").replace("stored_at", "f.stored_at")}
    FROM run_fact f JOIN plan_fact p USING (run_id) WHERE f.type = 'RunFinished' AND p.trial = ''
    GROUP BY p.workflow_kid
), levels AS (
    SELECT 'workflow' AS level, w.repository, w.workflow, NULL AS job, NULL AS step, s.np, s.nf, s.tp, s.tf,
        sum(s.tp) OVER () / nullif(sum(s.tp) OVER () + sum(s.tf) OVER (), 0) AS parent, w.repository_id
    FROM workflows_summed s LEFT JOIN workflows w USING (workflow_kid)
    UNION ALL
    SELECT 'job', j.repository, j.workflow, j.job, NULL, s.np, s.nf, s.tp, s.tf,
        sum(s.tp) OVER p / nullif(sum(s.tp) OVER p + sum(s.tf) OVER p, 0), j.repository_id
    FROM jobs_summed s LEFT JOIN job_names j USING (job_kid) WINDOW p AS (PARTITION BY j.workflow_kid)
    UNION ALL
    SELECT 'step', n.repository, n.workflow, n.job, n.step_name, s.np, s.nf, s.tp, s.tf,
        sum(s.tp) OVER p / nullif(sum(s.tp) OVER p + sum(s.tf) OVER p, 0), n.repository_id
    FROM steps_summed s LEFT JOIN step_names n USING (step_kid) WINDOW p AS (PARTITION BY n.job_kid)
), pooled AS (
    SELECT *, least(greatest(coalesce(parent, 0.5), 0.005), 0.995) AS m FROM levels
), shaped AS (
    SELECT *, 5 * m + np AS na, 5 * (1 - m) + nf AS nb, 5 * m + tp AS ta, 5 * (1 - m) + tf AS tb FROM pooled
)
SELECT level, repository, workflow, job, step,
    na / (na + nb) AS now_rate, beta_quantile_at(-{Z}, na, nb) AS now_low, beta_quantile_at({Z}, na, nb) AS now_high,
    np + nf AS now_weight,
    ta / (ta + tb) AS trend_rate, beta_quantile_at(-{Z}, ta, tb) AS trend_low,
    beta_quantile_at({Z}, ta, tb) AS trend_high, tp + tf AS trend_weight, m AS parent_rate, repository_id
FROM shaped"""  # noqa: S608  # constants

FLAKINESS = """
CREATE VIEW flakiness AS
WITH red AS (
    SELECT DISTINCT c.step_kid, c.commit_kid FROM change_fact c WHERE c.kind <> 'mended'
), again AS (
    SELECT commit_kid FROM plan_fact WHERE trial = '' GROUP BY commit_kid HAVING count(*) > 1
    UNION
    SELECT commit_kid FROM plan_fact SEMI JOIN (SELECT run_id FROM step_fact WHERE n > 1) USING (run_id)
), rerun AS (
    SELECT run_id, commit_kid FROM plan_fact
    SEMI JOIN again USING (commit_kid)
    SEMI JOIN (SELECT commit_kid FROM red) USING (commit_kid)
    WHERE trial = ''
), green AS (
    SELECT f.step_kid, r.commit_kid, max(f.stored_at) AS last_at
    FROM step_fact f JOIN rerun r USING (run_id)
    WHERE f.outcome = 'success' AND f.part = 'main' AND f.step_kid IN (SELECT step_kid FROM red)
    GROUP BY ALL
), flaked AS (
    SELECT step_kid, commit_kid, last_at FROM green SEMI JOIN red USING (step_kid, commit_kid)
), counted AS (
    SELECT step_kid, count(*) AS flaky_commits, max(last_at) AS last_at,
        count(*) FILTER (last_at > (SELECT now FROM as_of) - INTERVAL 14 DAY) AS lately
    FROM flaked GROUP BY step_kid
), red_commits AS (
    SELECT step_kid, count(*) AS red_commits FROM red GROUP BY step_kid
)
SELECT s.repository, s.workflow, s.job, s.step_name AS step, c.flaky_commits, r.red_commits,
    c.lately AS flaky_commits_14d, c.flaky_commits / r.red_commits AS share_of_red,
    CASE WHEN c.lately >= 2 THEN 'flaky' ELSE 'watch' END AS state,
    c.last_at AS last_flaked_at, s.repository_id, c.step_kid
FROM counted c JOIN red_commits r USING (step_kid) LEFT JOIN step_names s USING (step_kid)"""

VIEWS = (*MACROS, STEP_DAYS, SUCCESS_RATES, FLAKINESS)
