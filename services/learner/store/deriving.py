"""What is derived from facts, appended beside them in a transaction of its own: sums of days, what broke and mended.

It can be made again from the facts, and is the same however it was cut into parts: `derived` says up to which place of
EVENTS each is made. Views add what came after `rolled_seq` themselves; `changed_seq` is brought up before a snapshot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.learner.store.views.rates import day_sums
from services.learner.store.words import DECIDED

if TYPE_CHECKING:
    import duckdb

ROLL_EVENTS = 200_000
"""Days are summed this seldom: each time every step that ran adds a row a day, and reading the rest is milliseconds."""


PART_EVENTS = 1_000_000
"""At once: a replay brings ten million, and 300 MB of them are held while they are sorted."""


def derive(connection: duckdb.DuckDBPyConnection, upto: int) -> None:
    """Brings it up to place `upto` of EVENTS, up to which all facts are in."""
    known = "SELECT coalesce(max(rolled_seq), 0), coalesce(max(changed_seq), 0) FROM derived"
    rolled, changed = connection.execute(known).fetchone() or (0, 0)
    while changed < upto:
        after, changed = changed, min(changed + PART_EVENTS, upto)
        connection.execute("BEGIN")
        _change(connection, after, changed)
        if changed - rolled >= ROLL_EVENTS:
            between = f"step_fact ANTI JOIN trials USING (run_id) WHERE seq > {rolled} AND seq <= {changed}"
            connection.execute(f"INSERT INTO step_day {day_sums(between)}")
            rolled = changed
        connection.execute("INSERT INTO derived VALUES (?, ?)", [rolled, changed])
        connection.execute("COMMIT")


_NEW = f"""
CREATE OR REPLACE TEMP TABLE decided AS
SELECT f.seq, f.place, f.stored_at, f.run_id, f.step_kid, p.ref_kid, p.commit_kid, f.fingerprint_kid,
    f.outcome = 'success' AS passed
FROM step_fact f JOIN plan_fact p USING (run_id)
WHERE f.seq > $after AND f.seq <= $upto AND f.outcome IN {DECIDED} AND f.part = 'main' AND p.trial = ''"""  # noqa: S608  # constants
_OPEN = """
CREATE OR REPLACE TEMP TABLE open AS
SELECT step_kid, ref_kid, max(since_seq) AS since_seq, max(seq) AS seq, arg_max(commit_kid, seq) AS commit_kid,
    arg_max(fingerprint_kid, seq) AS fingerprint_kid
FROM change_fact SEMI JOIN (SELECT step_kid, ref_kid FROM decided) USING (step_kid, ref_kid)
GROUP BY step_kid, ref_kid HAVING arg_max(kind, seq) <> 'mended'"""
# A pair of step and ref fails from `broke` to `mended`; what was open before comes first, as if it had failed just now.
_CHANGES = """
CREATE OR REPLACE TEMP TABLE changes AS
WITH pairs AS (
    SELECT step_kid, ref_kid FROM decided WHERE NOT passed UNION SELECT step_kid, ref_kid FROM open
), listed AS (
    SELECT *, NULL::BIGINT AS open_since, true AS new FROM decided SEMI JOIN pairs USING (step_kid, ref_kid)
    UNION ALL
    SELECT seq, 0, NULL, NULL, step_kid, ref_kid, commit_kid, fingerprint_kid, false, since_seq, false FROM open
), before AS (
    SELECT *, lag(passed) OVER w AS was, lag(commit_kid) OVER w AS was_commit, lag(fingerprint_kid) OVER w AS was_print
    FROM listed WINDOW w AS (PARTITION BY step_kid, ref_kid ORDER BY seq, place)
), named AS (
    SELECT *, CASE WHEN passed THEN CASE WHEN was = false THEN 'mended' END
        WHEN was = false THEN 'failing' ELSE 'broke' END AS kind
    FROM before
), since AS (
    SELECT *, last_value(CASE WHEN NOT new THEN open_since WHEN kind = 'broke' THEN seq END IGNORE NULLS) OVER (
        PARTITION BY step_kid, ref_kid ORDER BY seq, place ROWS UNBOUNDED PRECEDING) AS since_seq
    FROM named
)
SELECT seq, place, stored_at, run_id, step_kid, ref_kid, commit_kid,
    CASE WHEN passed THEN was_print ELSE fingerprint_kid END AS fingerprint_kid, kind, since_seq,
    CASE WHEN kind = 'broke' AND was THEN was_commit END AS passed_kid,
    CASE WHEN passed THEN was_commit END AS failed_kid
FROM since WHERE new AND kind IS NOT NULL"""
# A break without a success before it in this part: the last one of the parts before.
_INSERT = """
INSERT INTO change_fact
WITH unknown AS (
    SELECT seq, place, step_kid, ref_kid FROM changes WHERE kind = 'broke' AND passed_kid IS NULL
), found AS (
    SELECT u.seq, u.place, arg_max(p.commit_kid, f.seq) AS commit_kid
    FROM unknown u
    JOIN step_fact f ON f.step_kid = u.step_kid AND f.seq <= $after
    JOIN plan_fact p ON p.run_id = f.run_id AND p.ref_kid = u.ref_kid
    WHERE f.outcome = 'success' AND f.part = 'main' AND p.trial = ''
    GROUP BY u.seq, u.place
)
SELECT c.* REPLACE (coalesce(c.passed_kid, f.commit_kid, 0) AS passed_kid, coalesce(c.failed_kid, 0) AS failed_kid)
FROM changes c LEFT JOIN found f USING (seq, place) ORDER BY c.seq, c.place"""


def _change(connection: duckdb.DuckDBPyConnection, after: int, upto: int) -> None:
    connection.execute(_NEW, {"after": after, "upto": upto})
    connection.execute(_OPEN)
    connection.execute(_CHANGES)
    connection.execute(_INSERT, {"after": after})
