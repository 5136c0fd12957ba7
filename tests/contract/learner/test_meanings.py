"""Every table, view and column has a meaning, and nothing is described that is not there."""

from __future__ import annotations

from services.learner.store import meanings
from tests.docs.analytics import shapes


def test_every_view_and_table_is_described_and_none_that_is_gone() -> None:
    views, tables = shapes()
    assert set(meanings.VIEWS) == set(views)
    assert set(meanings.TABLES) == set(tables)


def test_every_column_has_a_meaning() -> None:
    views, tables = shapes()
    lacking = [
        f"{name}.{column}"
        for name, columns in {**views, **tables}.items()
        for column, _ in columns
        if meanings.meaning(name, column) is None
    ]
    assert lacking == []


def test_no_meaning_is_of_a_column_that_is_gone() -> None:
    views, tables = shapes()
    there = {f"{name}.{column}" for name, columns in {**views, **tables}.items() for column, _ in columns}
    assert set(meanings.OF) <= there
    assert set(meanings.COLUMNS) <= {each.partition(".")[2] for each in there}


def test_times_and_durations_say_their_unit_by_their_name() -> None:
    views, _ = shapes()
    for name, columns in views.items():
        for column, kind in columns:
            if column.endswith("_ms"):
                assert kind in {"BIGINT", "DOUBLE"}, f"{name}.{column} is {kind}"
            if column.endswith("_at"):
                assert kind == "TIMESTAMP", f"{name}.{column} is {kind}"
