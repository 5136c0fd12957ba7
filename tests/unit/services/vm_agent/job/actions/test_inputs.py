"""What is said of inputs, and which variables carry them."""

from __future__ import annotations

import pytest

from libs.workflow.actions.model import Action, Docker, Input, JavaScript, Runs
from services.vm_agent.job.actions.conditions import as_it_stands
from services.vm_agent.job.actions.inputs import doubts, input_variables, state_variables


def _action(*inputs: Input, runs: Runs | None = None) -> Action:
    return Action("action.yml", "x", inputs, {}, runs or JavaScript(20, "a.js"))


@pytest.mark.row("actions: inputs and outputs")
def test_variables_are_upper_case_with_spaces_replaced() -> None:
    given = {"who to-greet": "x", "Y": "1", "a  b": "2"}
    assert input_variables(given) == {"INPUT_WHO_TO-GREET": "x", "INPUT_Y": "1", "INPUT_A__B": "2"}
    assert state_variables({"processID": "7"}) == {"STATE_processID": "7"}


@pytest.mark.row("actions: inputs and outputs")
def test_doubts() -> None:
    action = _action(
        Input("a"), Input("b", required=True), Input("c", "x", required=True), Input("d", deprecation="no")
    )
    assert doubts(action, {"a": "", "b": ""}) == []
    assert doubts(action, {"e": "", "f": "", "d": ""}) == [
        "Unexpected input(s) 'e', 'f', valid inputs are ['a', 'b', 'c', 'd']",
        "Input required and not supplied: b",
        "Input 'd' has been deprecated with message: no",
    ]


def test_a_docker_action_has_two_inputs_that_it_need_not_declare() -> None:
    assert doubts(_action(runs=Docker("Dockerfile")), {"entryPoint": "", "args": ""}) == []


@pytest.mark.row("actions: pre and post steps")
@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ("always()", "always() && (always())"),
        ("runner.os == 'Linux'", "always() && (runner.os == 'Linux')"),
        ("${{ failure() || github.sha }}", "always() && (failure() || github.sha)"),
        ("a ${{ github.sha }}", "a ${{ github.sha }}"),
    ],
)
def test_no_success_is_added_to_pre_if_and_post_if(written: str, condition: str) -> None:
    assert as_it_stands(written) == condition
