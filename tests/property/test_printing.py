"""A workflow that is read, printed and read again is the same workflow, and the same print."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.problems import Problems
from libs.workflow.reading.workflow import Reading, read_workflow
from libs.workflow.source import read_document
from tests.conformance.acceptance.cases import Case, cases
from tests.differential.workflows.generating import spoilt, valid
from tests.property.printing import printed


def print_of(text: str) -> str | None:
    root = read_document(text.encode(), Problems("ci.yml")).root
    return None if root is None else printed(root)


def without_places(value: Any) -> Any:
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {key: without_places(inner) for key, inner in fields.items() if key != "at" and not key.endswith("_at")}
    return [without_places(inner) for inner in cast("list[Any]", value)] if isinstance(value, list | tuple) else value


def meaning(reading: Reading) -> tuple[Any, list[tuple[str, str]]]:
    """The model without places, and of each problem what does not depend on how the file is written."""
    problems = sorted((problem.severity, problem.key_path) for problem in reading.problems)
    return without_places(msgspec.to_builtins(reading.workflow)), problems


def assert_stable(text: str) -> None:
    once = print_of(text)
    if once is None:
        return
    assert print_of(once) == once
    first, second = read_workflow("ci.yml", text.encode()), read_workflow("ci.yml", once.encode())
    assert meaning(first) == meaning(second)


@given(st.one_of(valid, spoilt))
def test_what_is_read_printed_and_read_again_is_the_same(text: str) -> None:
    assert_stable(text)


@pytest.mark.parametrize("case", [case for case in cases().values() if not case.errors], ids=lambda case: case.name)
def test_so_is_every_accepted_case(case: Case) -> None:
    assert_stable(case.text)
