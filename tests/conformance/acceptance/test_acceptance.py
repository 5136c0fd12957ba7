"""What is a workflow and what is none: each error at its line and column, in the words that help."""

from __future__ import annotations

import pytest

from libs.workflow.problems import Problem, Severity
from libs.workflow.reading.workflow import Reading, read_workflow
from tests.conformance.acceptance.cases import Case, cases

enough = 150


@pytest.mark.parametrize("case", cases().values(), ids=cases().keys())
def test_a_file_is_accepted_or_each_of_its_errors_told(case: Case) -> None:
    reading = read_workflow("ci.yml", case.text.encode())

    assert_told(reading, "error", case.errors)
    assert (reading.workflow is None) == bool(case.errors)


@pytest.mark.parametrize("case", [case for case in cases().values() if not case.errors], ids=lambda case: case.name)
def test_an_accepted_file_has_these_warnings(case: Case) -> None:
    assert_told(read_workflow("ci.yml", case.text.encode()), "warning", case.warnings)


def test_there_are_enough_of_both_and_each_name_is_there_once() -> None:
    assert len({case.name for case in cases().values()}) == len(cases())
    assert len(cases()) >= enough
    assert sum(not case.errors for case in cases().values()) >= enough // 3


def assert_told(reading: Reading, severity: Severity, expected: tuple[str, ...]) -> None:
    found = [problem for problem in reading.problems if problem.severity == severity]
    assert [_place(problem) for problem in found] == [text.partition(": ")[0] for text in expected], [
        problem.render() for problem in found
    ]
    for problem, text in zip(found, expected, strict=True):
        assert text.partition(": ")[2] in problem.message


def _place(problem: Problem) -> str:
    return f"{problem.line}:{problem.column}"
