"""Every case of this folder's tables."""

from __future__ import annotations

import pytest

from libs.workflow.expressions import kind_of
from tests.conformance.expressions.cases import Case, as_answered, cases, groups, ours
from tests.conformance.rows import NAMES, ROWS

LEAST_CASES = 600
CASES = cases()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_expression(case: Case) -> None:
    found = ours(case)
    if case.error is None:
        assert found == {"value": as_answered(case.value), "kind": kind_of(case.value)}
        assert isinstance(found["value"], bool) == isinstance(case.value, bool)
        return
    assert "error" in found, found
    error = found["error"]
    assert (error["kind"], error["column"]) == (case.error, case.column), error["message"]
    assert case.says in error["message"]
    assert not case.never or case.never not in error["message"]


def test_there_are_enough_and_each_row_of_the_language_is_shown() -> None:
    assert len(CASES) >= LEAST_CASES
    shown = {row for _, group in groups() for row in group.rows}
    assert not shown - NAMES
    assert {f"expressions: {row}" for row in ROWS["expressions"]} <= shown


def test_no_case_is_there_twice() -> None:
    keys = [(case.text, id(case.group)) for _, case in CASES]
    assert len(keys) == len(set(keys))
