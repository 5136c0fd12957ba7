"""The oracle itself: that it is GitHub's code that answers, in the form in which ours does."""

from __future__ import annotations

import pytest

from tests.differential.oracle import Complaint, Oracle, OracleCrash

WORKFLOW = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n"


def test_it_evaluates(oracle: Oracle) -> None:
    assert oracle.evaluate("github.ref == 'A' && 1", {"github": {"REF": "a"}}) == {"value": 1, "kind": "number"}


def test_it_tells_the_kind_and_the_column_of_an_error(oracle: Oracle) -> None:
    error = oracle.evaluate("\n  true && githubb.ref", {"github": {}})["error"]
    assert error == {"kind": "parsing", "message": "Unrecognized named-value: 'githubb'", "column": 12}


def test_it_knows_the_state_of_the_job(oracle: Oracle) -> None:
    assert oracle.evaluate("failure()", {"job": {"status": "failure"}})["value"] is True
    assert oracle.evaluate("success()", {})["value"] is True


@pytest.mark.parametrize("name", ["__proto__", "constructor", "\ud800", "\0"])
def test_odd_names_of_properties_arrive(oracle: Oracle, name: str) -> None:
    assert oracle.evaluate("github", {"github": {name: 1}})["kind"] == "object"


def test_a_valid_workflow_has_no_complaint(oracle: Oracle) -> None:
    assert oracle.parse_workflow(WORKFLOW) == []


def test_an_error_has_its_place(oracle: Oracle) -> None:
    assert oracle.parse_workflow(WORKFLOW.replace("runs-on", "runs_on")) == [
        Complaint(4, 5, "Unexpected value 'runs_on'"),
        Complaint(4, 5, "Required property is missing: runs-on"),
    ]


def test_what_is_behind_a_flag_in_the_package_is_on(oracle: Oracle) -> None:
    assert oracle.parse_workflow(WORKFLOW + "        background: true\n        id: a\n      - wait: a\n") == []


def test_an_action_is_read_by_its_own_schema(oracle: Oracle) -> None:
    action = "name: a\ndescription: b\nruns:\n  using: node24\n  main: a.js\n  pre-if: secrets.a\n"
    assert [complaint.line for complaint in oracle.parse_action(action)] == [6]


def test_what_it_does_not_survive_is_told(oracle: Oracle) -> None:
    with pytest.raises(OracleCrash):
        oracle.evaluate("a", {"a": [float("nan")]})
    assert oracle.evaluate("a", {"a": 1})["value"] == 1
