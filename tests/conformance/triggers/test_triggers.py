"""Every case of this folder's tables."""

from __future__ import annotations

import pytest

from libs.workflow.events import activity_types
from services.parser.meaning import Relevant
from tests.conformance.rows import NAMES
from tests.conformance.triggers.deciding import HEAD, Case, cases, decided, groups

LEAST_CASES = 100
CASES = cases()


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_trigger(case: Case) -> None:
    found = decided(case)
    if case.runs is None:
        assert isinstance(found, str), "it runs"
        assert case.why, "a case has to expect something"
        assert case.why in found
        return
    assert not isinstance(found, str), found
    for name, value in case.is_.items():
        assert isinstance(found, Relevant)
        assert getattr(found, name) == (HEAD if value == "HEAD COMMIT" else value), name


def test_there_are_enough_and_their_rows_are_rows() -> None:
    assert len(CASES) >= LEAST_CASES
    rows = {row for group in groups() for row in ([group.row] if isinstance(group.row, str) else group.row)}
    assert rows <= NAMES


def test_every_event_that_starts_workflows_is_in_a_case() -> None:
    seen = {case.event for _, case in CASES if case.runs}
    never = {"workflow_call", "pull_request_comment"}
    assert set(activity_types) - seen == never
