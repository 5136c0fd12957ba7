"""Columns as an Arrow table, which DuckDB reads without copying: the only importer of pyarrow."""
# pyarrow has no types: everything that it returns is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from services.learner.store.columns import Columns
from services.learner.store.table import Table


def arrow_table(table: Table, values: Columns) -> object:
    """A `pyarrow.Table` of that table's columns; timestamps are microseconds since 1970."""
    import pyarrow

    types = {
        "BIGINT": pyarrow.int64(),
        "INTEGER": pyarrow.int32(),
        "DOUBLE": pyarrow.float64(),
        "VARCHAR": pyarrow.string(),
        "TIMESTAMP": pyarrow.timestamp("us"),
        "BOOLEAN": pyarrow.bool_(),
    }
    columns = zip(table.columns.items(), values, strict=True)
    return pyarrow.table({name: pyarrow.array(column, type=types[kind]) for (name, kind), column in columns})
