"""Reads names and their keys from the learner's file, at its opening and later for what memory has let go."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

from services.learner.store.keys import KEPT, KEPT_LATELY, Keys, KnownKeys, Labels, Names

if TYPE_CHECKING:
    import duckdb

Key = TypeVar("Key", bound=Hashable)
Row = tuple[Any, ...]
"""What a query returned; its columns' types are the schema's and are known to whoever wrote the query."""


def load_keys(connection: duckdb.DuckDBPyConnection) -> Keys:
    def known(
        table: str, kid: str, names: tuple[str, ...], make: Callable[[Row], Key], kept: int = KEPT
    ) -> KnownKeys[Key]:
        return _known(connection, (table, kid, names), make, kept)

    return Keys(
        known("plan_fact", "workflow_kid", ("run_id",), lambda row: int(row[0]), KEPT_LATELY),
        Names(
            workflows=known("workflow_key", "kid", ("repository_id", "path"), _pair),
            jobs=known("job_key", "kid", ("workflow_kid", "job"), _pair),
            steps=known("step_key", "kid", ("job_kid", "name"), _pair),
            commands=known("command_key", "kid", ("command",), lambda row: str(row[0])),
            fingerprints=known("fingerprint_key", "kid", ("fingerprint",), lambda row: str(row[0]), KEPT_LATELY),
            commits=known("commit_key", "kid", ("repository_id", "sha"), _pair, KEPT_LATELY),
            refs=known("ref_key", "kid", ("repository_id", "ref"), _pair, KEPT_LATELY),
            workflow_labels=_labels(connection, "workflow_label", "repository"),
            job_labels=_labels(connection, "job_label", "job_id"),
        ),
    )


def _pair(row: Row) -> tuple[int, str]:
    return int(row[0]), str(row[1])


def _known(
    connection: duckdb.DuckDBPyConnection,
    source: tuple[str, str, tuple[str, ...]],
    make: Callable[[Row], Key],
    kept: int,
) -> KnownKeys[Key]:
    table, kid, names = source
    listed = ", ".join(names)
    wanted = ", ".join(f"unnest($w{place}) AS {name}" for place, name in enumerate(names))
    # Table and column names are constants of the schema; values are parameters.
    search = f"SELECT {kid}, {listed} FROM {table} SEMI JOIN (SELECT {wanted}) USING ({listed})"  # noqa: S608

    def find(keys: list[Key]) -> dict[Key, int]:
        rows: list[Row] = [key if isinstance(key, tuple) else (key,) for key in keys]
        parameters = {f"w{place}": [row[place] for row in rows] for place in range(len(names))}
        found = connection.execute(search, parameters).fetchall()
        return {make(row[1:]): int(row[0]) for row in found}

    count, highest = connection.execute(f"SELECT count(*), max({kid}) FROM {table}").fetchone() or (0, None)  # noqa: S608
    complete = count <= kept
    all_rows = connection.execute(f"SELECT {kid}, {listed} FROM {table}").fetchall() if complete else []  # noqa: S608
    loaded = {make(row[1:]): int(row[0]) for row in all_rows}
    return KnownKeys(loaded, find, next_kid=(highest or 0) + 1, complete=complete, kept=kept)


def _labels(connection: duckdb.DuckDBPyConnection, table: str, first: str) -> Labels:
    query = f"SELECT kid, arg_max({first}, label), arg_max(name, label) FROM {table} GROUP BY kid LIMIT {KEPT}"  # noqa: S608
    return Labels({int(kid): (str(a), str(b)) for kid, a, b in connection.execute(query).fetchall()})
