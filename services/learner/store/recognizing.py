"""What the file knows of one failure: one question, answered in milliseconds over ten million steps.

Asked in the writer's own connection after `deriving` is up to date, and of what is derived: the failed steps with their
commits. It decides nothing, and it tells which repositories are private: who may know of them is the caller's matter.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import duckdb

Row = tuple[Any, ...]


class SeenIn(msgspec.Struct, frozen=True):
    """`runs` of this repository that failed so; it is private where its newest plan says so, or nothing is known."""

    repository_id: int
    repository: str
    private: bool
    runs: int


class Mended(msgspec.Struct, frozen=True):
    """The commit at which such a failure went away the last time, and where."""

    sha: str
    at: datetime
    repository_id: int


class Broke(msgspec.Struct, frozen=True):
    """The first commit of the run's own ref at which its step failed, after it had passed at `passed_sha`."""

    sha: str
    at: datetime
    passed_sha: str


class SeenBefore(msgspec.Struct, frozen=True):
    """Other runs that failed so, between `since` and `last`, most of them first; what broke this one, what mended them.
    Times are UTC."""

    runs: int = 0
    since: datetime | None = None
    last: datetime | None = None
    repositories: tuple[SeenIn, ...] = ()
    mended: Mended | None = None
    broke: Broke | None = None


_KID = "SELECT min(kid) FROM fingerprint_key WHERE fingerprint = ?"
_OTHERS = """
SELECT w.repository_id, count(DISTINCT c.run_id), min(c.stored_at), max(c.stored_at), arg_max(p.private, p.seq)
FROM change_fact c JOIN plan_fact p USING (run_id) JOIN workflow_key w ON w.kid = p.workflow_kid
WHERE c.fingerprint_kid = $kid AND c.kind <> 'mended' AND c.run_id <> $run GROUP BY w.repository_id"""
_NAMES = """
SELECT w.repository_id, arg_max(l.repository, l.label)
FROM workflow_key w JOIN workflow_label l USING (kid)
WHERE list_contains($ids, w.repository_id) GROUP BY w.repository_id"""
_MENDED = """
SELECT commit_kid, stored_at FROM change_fact
WHERE fingerprint_kid = $kid AND kind = 'mended' AND commit_kid <> failed_kid AND run_id <> $run
ORDER BY seq DESC LIMIT 1"""
_BROKE = """
SELECT b.commit_kid, b.stored_at, b.passed_kid
FROM (SELECT * FROM change_fact WHERE fingerprint_kid = $kid AND kind = 'broke') b
SEMI JOIN (SELECT * FROM change_fact WHERE run_id = $run AND fingerprint_kid = $kid AND kind <> 'mended') f
ON b.seq = f.since_seq AND b.step_kid = f.step_kid AND b.ref_kid = f.ref_kid
WHERE b.commit_kid <> b.passed_kid AND b.passed_kid > 0 ORDER BY b.seq DESC LIMIT 1"""
# Once for all commits of an answer: they are many, and joining them costs more than all else.
_COMMITS = "SELECT kid, sha, repository_id FROM commit_key WHERE list_contains($kids, kid)"


def seen_before(connection: duckdb.DuckDBPyConnection, fingerprint: str, run_id: int) -> SeenBefore:
    """What is known besides the run itself. A fingerprint that was never seen is nothing known."""
    row = connection.execute(_KID, [fingerprint]).fetchone()
    if not fingerprint or row is None or row[0] is None:
        return SeenBefore()
    about = {"kid": row[0], "run": run_id}
    others: list[Row] = connection.execute(_OTHERS, about).fetchall()
    mended = connection.execute(_MENDED, about).fetchone()
    broke = connection.execute(_BROKE, about).fetchone()
    commits = _commits(connection, [*(mended or ())[:1], *(broke or ())[::2]])
    return SeenBefore(
        runs=sum(int(row[1]) for row in others),
        since=min((row[2] for row in others), default=None),
        last=max((row[3] for row in others), default=None),
        repositories=_named(connection, others),
        mended=None if mended is None else _mended(mended, commits),
        broke=None if broke is None else Broke(commits[broke[0]][0], broke[1], commits[broke[2]][0]),
    )


def _mended(row: Row, commits: dict[int, tuple[str, int]]) -> Mended:
    kid, at = row
    sha, repository_id = commits[kid]
    return Mended(sha, at, repository_id)


def _commits(connection: duckdb.DuckDBPyConnection, kids: list[int]) -> dict[int, tuple[str, int]]:
    """Key -> (SHA, repository's number)."""
    if not kids:
        return {}
    rows: list[Row] = connection.execute(_COMMITS, {"kids": kids}).fetchall()
    return {int(kid): (str(sha), int(repository_id)) for kid, sha, repository_id in rows}


def _named(connection: duckdb.DuckDBPyConnection, others: list[Row]) -> tuple[SeenIn, ...]:
    if not others:
        return ()
    ids = [int(row[0]) for row in others]
    names = {int(key): str(name) for key, name in connection.execute(_NAMES, {"ids": ids}).fetchall()}
    seen = [SeenIn(int(row[0]), names[int(row[0])], row[4] is not False, int(row[1])) for row in others]
    return tuple(sorted(seen, key=lambda each: (-each.runs, each.repository)))
