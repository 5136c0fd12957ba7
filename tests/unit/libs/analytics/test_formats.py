"""Rows for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.analytics.formats import WRITERS, Row

CELLS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.lists(st.integers())


def write(form: str, columns: tuple[str, ...], *rows: Row, limit: int = 100) -> tuple[str, bool]:
    out = io.StringIO()
    more = WRITERS[form](out, columns, iter(rows), limit)
    return out.getvalue(), more


def test_a_table_is_aligned_and_numbers_are_flushed_right() -> None:
    text, _ = write("table", ("job", "p50_ms"), ("build", 1234.5), ("a", None), ("test", 7.0))
    assert text.splitlines() == ["job    p50_ms", "-----  ------", "build  1234.5", "a", "test        7"]


def test_without_rows_there_is_a_head_or_an_empty_list() -> None:
    assert write("table", ("a",))[0] == "a\n-\n"
    assert json.loads(write("json", ("a",))[0]) == []
    assert write("csv", ("a",))[0] == "a\r\n"


def test_json_has_every_value_as_it_is() -> None:
    row = (1, 1.5, "ü", None, True, datetime(2026, 11, 24, 12), [1, 2], Decimal("7"), float("nan"))
    (value,) = json.loads(write("json", tuple("abcdefghi"), row)[0])
    assert list(value.values()) == [1, 1.5, "ü", None, True, "2026-11-24T12:00:00Z", [1, 2], 7, "nan"]


def test_no_more_than_the_limit_and_it_says_whether_there_were_more() -> None:
    rows = [(number,) for number in range(3)]
    for form in WRITERS:
        assert write(form, ("n",), *rows, limit=3)[1] is False
        text, more = write(form, ("n",), *rows, limit=2)
        assert more
        assert "2" not in text


def test_nothing_in_a_table_reaches_the_terminal_raw() -> None:
    text, _ = write("table", ("name",), ("\x1b[31mred\n\x07",))
    assert text.splitlines()[2] == "\\x1b[31mred\\n\\x07"


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=5))
def test_any_rows_make_a_line_each_valid_json_and_valid_csv(rows: list[tuple[object, object]]) -> None:
    assert len(write("table", ("a", "b"), *rows)[0].split("\n")) == len(rows) + 3
    assert len(json.loads(write("json", ("a", "b"), *rows)[0])) == len(rows)
    text = write("csv", ("a", "b"), *rows)[0]
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == len(rows) + 1
