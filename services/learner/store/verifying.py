"""Reads every block of a file: opening one reads few, and the others may be damaged without anybody knowing."""

from __future__ import annotations

from pathlib import Path

from services.learner.store.database import MEMORY_LIMIT, THREADS, Unreadable
from services.learner.store.schema import SCHEMA_VERSION


def verify(path: Path) -> None:
    """Of a file that nobody has open: some seconds for ten million rows. Raises Unreadable where a block is damaged, or
    where it is of another schema.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": THREADS,
        "temp_directory": "",
    }
    try:
        with duckdb.connect(str(path), config=config) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
            for (name,) in tables:
                # Names are those of a file that we made; to compute with each value, each must be read.
                connection.execute(f'SELECT bit_xor(hash(t)) FROM "{name}" t').fetchall()  # noqa: S608
            row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    except duckdb.Error as error:
        raise Unreadable(f"{path}: {error}") from error
    if row is None or row[0] != SCHEMA_VERSION:
        raise Unreadable(f"{path} has schema {row and row[0]}")
