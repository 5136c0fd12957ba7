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
SELECT w.repository_id, count(DISTINCT c.run_id), min(c.stored_at), max(c.stored_at)
FROM change_fact c JOIN plan_fact p USING (run_id) JOIN workflow_key w ON w.kid = p.workflow_kid
WHERE c.fingerprint_kid = $kid AND c.kind <> 'mended' AND c.run_id <> $run GROUP BY w.repository_id"""
_NAMES = """
SELECT w.repository_id, arg_max(l.repository, l.label), arg_max(p.private, p.seq)
FROM workflow_key w LEFT JOIN workflow_label l USING (kid) LEFT JOIN plan_fact p ON p.workflow_kid = w.kid
WHERE list_contains($ids, w.repository_id) GROUP BY w.repository_id"""
_MENDED = """
SELECT c.sha, m.stored_at, c.repository_id
FROM change_fact m JOIN commit_key c ON c.kid = m.commit_kid
WHERE m.fingerprint_kid = $kid AND m.kind = 'mended' AND m.commit_kid <> m.failed_kid AND m.run_id <> $run
ORDER BY m.seq DESC LIMIT 1"""
_BROKE = """
SELECT c.sha, b.stored_at, p.sha
FROM (SELECT * FROM change_fact WHERE run_id = $run AND fingerprint_kid = $kid AND kind <> 'mended') f
JOIN change_fact b ON b.kind = 'broke' AND b.seq = f.since_seq AND b.step_kid = f.step_kid AND b.ref_kid = f.ref_kid
JOIN commit_key c ON c.kid = b.commit_kid JOIN commit_key p ON p.kid = b.passed_kid
WHERE b.commit_kid <> b.passed_kid AND b.fingerprint_kid = $kid ORDER BY f.seq DESC LIMIT 1"""


def seen_before(connection: duckdb.DuckDBPyConnection, fingerprint: str, run_id: int) -> SeenBefore:
    """What is known besides the run itself. A fingerprint that was never seen is nothing known."""
    row = connection.execute(_KID, [fingerprint]).fetchone()
    if not fingerprint or row is None or row[0] is None:
        return SeenBefore()
    about = {"kid": row[0], "run": run_id}
    others: list[Row] = connection.execute(_OTHERS, about).fetchall()
    mended = connection.execute(_MENDED, about).fetchone()
    broke = connection.execute(_BROKE, about).fetchone()
    return SeenBefore(
        runs=sum(int(runs) for _, runs, _, _ in others),
        since=min((since for _, _, since, _ in others), default=None),
        last=max((last for _, _, _, last in others), default=None),
        repositories=_named(connection, {int(repository_id): int(runs) for repository_id, runs, _, _ in others}),
        mended=None if mended is None else Mended(str(mended[0]), mended[1], int(mended[2])),
        broke=None if broke is None else Broke(str(broke[0]), broke[1], str(broke[2])),
    )


def _named(connection: duckdb.DuckDBPyConnection, runs: dict[int, int]) -> tuple[SeenIn, ...]:
    if not runs:
        return ()
    rows: list[Row] = connection.execute(_NAMES, {"ids": list(runs)}).fetchall()
    seen = [SeenIn(int(key), str(name), private is not False, runs[int(key)]) for key, name, private in rows]
    return tuple(sorted(seen, key=lambda each: (-each.runs, each.repository)))
