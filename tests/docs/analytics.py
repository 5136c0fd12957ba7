"""The schema of the learner's file, and the questions people ask of it, as parts of docs/analytics.md."""

from __future__ import annotations

from libs.analytics.examples import EXAMPLES
from services.learner.store import meanings
from services.learner.store.schema import TABLES
from services.learner.store.views import VIEWS

Shape = dict[str, list[tuple[str, str]]]
"""Name -> (column, type)."""


def shapes() -> tuple[Shape, Shape]:
    """Of views and of tables, as DuckDB itself says."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE schema_version (version INTEGER)")
        for table in TABLES:
            connection.execute(table.ddl)
        for view in VIEWS:
            connection.execute(view)
        rows = connection.execute("""
            SELECT table_type = 'VIEW', table_name, column_name, data_type
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            ORDER BY table_name, ordinal_position""").fetchall()
    views: Shape = {}
    tables: Shape = {}
    for is_view, name, column, kind in rows:
        (views if is_view else tables).setdefault(str(name), []).append((str(column), str(kind)))
    return views, tables


def views() -> str:
    return _text(meanings.VIEWS, shapes()[0])


def tables() -> str:
    return _text(meanings.TABLES, shapes()[1])


def questions() -> str:
    parts = [
        f"**{each.question}** (`firebreak sql --example {each.name}`)\n\n```sql{each.query}\n```\n" for each in EXAMPLES
    ]
    return "\n" + "\n".join(parts) + "\n"


def _text(said: dict[str, str], found: Shape) -> str:
    """In the order in which they are described; KeyError for one that is not there any more."""
    return "\n" + "\n".join(_section(name, said[name], found[name]) for name in said) + "\n"


def _section(name: str, said: str, columns: list[tuple[str, str]]) -> str:
    rows = [f"| `{column}` | {kind} | {_meaning(name, column)} |" for column, kind in columns]
    return "\n".join([f"### {name}", "", said, "", "| column | type | what it is |", "| --- | --- | --- |", *rows, ""])


def _meaning(of: str, column: str) -> str:
    return (meanings.meaning(of, column) or "").replace("|", "\\|")
