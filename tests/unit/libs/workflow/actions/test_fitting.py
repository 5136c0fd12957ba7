"""A workflow beside the actions of its own repository."""

from __future__ import annotations

import pytest

from libs.workflow.actions.fitting import use_problems
from libs.workflow.reading.workflow import read_workflow

ACTION = b"""\
inputs:
  who: {required: true}
  how: {default: x}
  old: {deprecationMessage: use who}
runs: {using: node20, main: a.js}
"""
FILES = {
    "act/action.yml": ACTION,
    "action.yaml": b"runs: {using: node20, main: a.js}",
    "broken/action.yml": b"runs: {using: node20}",
    "image/Dockerfile": b"FROM scratch",
}


def _said(*steps: str) -> list[str]:
    text = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n" + "".join(f"      - {step}\n" for step in steps)
    workflow = read_workflow("ci.yml", text.encode()).workflow
    assert workflow is not None
    return [problem.render() for problem in use_problems(workflow, FILES.get)]


@pytest.mark.row("actions: action.yml")
def test_what_fits_is_fine() -> None:
    fine = ["{uses: ./act, with: {WHO: x}}", "{uses: ./}", "{uses: $/act, with: {who: x, how: y}}", "{uses: ./image}"]
    assert _said(*fine, "{uses: octo/other@v1, with: {a: b}}", "run: x", "{uses: ./../outside}") == []


@pytest.mark.row("actions: action.yml")
def test_what_does_not_fit_is_said_at_the_step() -> None:
    assert _said(
        "{uses: ./act, with: {hwo: x, old: y}}",
        "{uses: ./nowhere}",
        "{uses: $/broken}",
    ) == [
        "ci.yml:6:9: warning: `uses: ./act`: the action has no input `hwo`; did you mean `who`?",
        "ci.yml:6:9: warning: `uses: ./act`: the input `who` is required and not given",
        "ci.yml:6:9: warning: `uses: ./act`: the input `old` is deprecated: use who",
        "ci.yml:7:9: warning: `uses: ./nowhere`: there is no action.yml there in this repository; "
        "a step before it has to bring it",
        "ci.yml:8:9: `uses: $/broken`: the action has errors, the first of them: "
        "broken/action.yml:1:7: `runs` of a JavaScript action needs the key `main`",
    ]


def test_steps_that_run_at_once_are_looked_at_too() -> None:
    (said,) = _said("{parallel: [{uses: ./nowhere}, {run: x}]}")
    assert "./nowhere" in said
