"""Rows as a table, as JSON, a JSON text a line, and CSV. What is in a cell came from outside: nothing in it reaches the
terminal raw.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Protocol, cast

CELL_CHARACTERS = 80
"""A longer cell is cut in the table; JSON and CSV have all of it."""
Row = tuple[object, ...]


class Out(Protocol):
    def write(self, text: str, /) -> int: ...


Write = Callable[[Out, Sequence[str], Iterator[Row], int], bool]
"""Writes at most so many rows; true where there were more."""


def write_table(out: Out, columns: Sequence[str], rows: Iterator[Row], limit: int) -> bool:
    kept = list(islice(rows, limit))
    cells = [[_cell(value) for value in row] for row in kept]
    right = [bool(kept) and all(_is_number(row[place]) for row in kept) for place in range(len(columns))]
    heads = [_cell(name) for name in columns]
    widths = [max(len(head), *(len(row[place]) for row in cells), 0) for place, head in enumerate(heads)]
    for line in (heads, ["-" * width for width in widths], *cells):
        out.write(_line(line, widths, right) + "\n")
    return next(rows, None) is not None


def write_json(out: Out, columns: Sequence[str], rows: Iterator[Row], limit: int) -> bool:
    separator = "["
    for row in islice(rows, limit):
        values = {name: _plain(value) for name, value in zip(columns, row, strict=True)}
        out.write(separator + "\n" + json.dumps(values, ensure_ascii=False))
        separator = ","
    out.write("\n]\n" if separator == "," else "[]\n")
    return next(rows, None) is not None


def write_ndjson(out: Out, columns: Sequence[str], rows: Iterator[Row], limit: int) -> bool:
    for row in islice(rows, limit):
        values = {name: _plain(value) for name, value in zip(columns, row, strict=True)}
        out.write(json.dumps(values, ensure_ascii=False) + "\n")
    return next(rows, None) is not None


def write_csv(out: Out, columns: Sequence[str], rows: Iterator[Row], limit: int) -> bool:
    # RFC 4180's line ends: with them a carriage return inside of a value is quoted, with a bare "\n" it is not.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in islice(rows, limit):
        writer.writerow(["" if value is None else _flat(value) for value in row])
    return next(rows, None) is not None


WRITERS: dict[str, Write] = {
    "table": write_table,
    "json": write_json,
    "ndjson": write_ndjson,
    "csv": write_csv,
}
"""Arrow is not among them: it is made of DuckDB's own batches, not of rows (`libs.analytics.answering`)."""


def _line(cells: Iterable[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    placed = [
        cell.rjust(width) if flush else cell.ljust(width)
        for cell, width, flush in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(placed).rstrip()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".") if math.isfinite(value) else str(value)
    text = str(_flat(value))
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= CELL_CHARACTERS else shown[: CELL_CHARACTERS - 1] + "…"


def _flat(value: object) -> object:
    """For a table's or a CSV's cell: one text or number."""
    plain = _plain(value)
    return json.dumps(plain, ensure_ascii=False) if isinstance(plain, list | dict) else plain


def _plain(value: object) -> object:
    """As JSON knows it: times as ISO 8601 (they are UTC), what JSON has no word for as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return value.isoformat() + ("Z" if value.tzinfo is None else "")
        case date():
            return value.isoformat()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(each) for each in cast("Sequence[object]", value)]
        case dict():
            return {str(key): _plain(each) for key, each in cast("dict[object, object]", value).items()}
        case _:
            return str(value)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
