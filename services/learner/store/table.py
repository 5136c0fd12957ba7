"""What a table of the learner's file is, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SqlType = Literal["BIGINT", "INTEGER", "DOUBLE", "VARCHAR", "TIMESTAMP", "BOOLEAN"]
Shape = dict[str, SqlType]
"""Columns in order, by name."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns whose names end in `_kid` are keys of names, in the order in which `Keys.resolve` gives them."""

    name: str
    columns: Shape

    @property
    def ddl(self) -> str:
        columns = ", ".join(f'"{name}" {kind}' for name, kind in self.columns.items())
        return f"CREATE TABLE {self.name} ({columns})"


PLACED: Shape = {"seq": "BIGINT", "place": "INTEGER", "stored_at": "TIMESTAMP"}
"""Where an event stands in the log, and when it was stored."""
