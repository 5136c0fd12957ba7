"""Calls of workflows: the forms of `uses`, what fits, what inputs come to; and what `lint` makes of files that call."""

from __future__ import annotations

import pytest

from libs.contracts.plan import CalledInput
from libs.workflow.calls import BadCall, CallName, bound_inputs, call_name
from libs.workflow.lint import lint

pytestmark = pytest.mark.row("calls: local workflows")
TOP = "{folder}/top.yml"
FOLDER = ".github/workflows"


@pytest.mark.parametrize(
    ("uses", "name"),
    [
        ("./.github/workflows/a.yml", CallName(".github/workflows/a.yml")),
        ("$/.github/workflows/a.yaml", CallName(".github/workflows/a.yaml")),
        ("o/r/.github/workflows/a b.yml@v1", CallName(".github/workflows/a b.yml", "o", "r", "v1")),
        ("o/r.x/.github/workflows/a.yml@feature/x@y", CallName(".github/workflows/a.yml", "o", "r.x", "feature/x@y")),
    ],
)
def test_a_workflow_is_named_by_its_path_or_its_repository(uses: str, name: CallName):
    assert call_name(uses) == name


@pytest.mark.parametrize(
    "uses",
    [
        "",
        "./a.yml",
        "./.github/workflows/sub/a.yml",
        "./.github/workflows/../../a.yml",
        "./.github/workflows/a.txt",
        "./.github/workflows/a.yml@v1",
        "o/r@v1",
        "o/r/.github/workflows/a.yml",
        "o/r/.github/workflows/a.yml@",
        "o/../.github/workflows/a.yml/x@v1",
        "docker://alpine",
        "${{ inputs.x }}",
        "./.github/workflows/\x00.yml",
    ],
)
def test_what_names_no_workflow_is_refused(uses: str):
    with pytest.raises(BadCall):
        call_name(uses)


def test_defaults_are_githubs_where_none_is_declared():
    declared = {"s": CalledInput("string"), "b": CalledInput("boolean"), "n": CalledInput("number")}
    assert bound_inputs(declared, {}, str) == {"s": "", "b": False, "n": 0}
    assert bound_inputs(declared, {"S": None, "B": True, "N": 1.5}, str) == {"s": "", "b": True, "n": 1.5}


def test_an_input_that_nobody_declared_is_refused_at_last_when_it_is_bound():
    with pytest.raises(BadCall, match="has no input `x`"):
        bound_inputs({}, {"x": 1}, str)


def calling(*uses: str, with_: str = "{}") -> str:
    jobs = "".join(f"  j{place}: {{uses: {name}, with: {with_}}}\n" for place, name in enumerate(uses))
    return f"on: push\njobs:\n{jobs}"


def library(inputs: str = "{}", job: str = "runs-on: x, steps: [{run: 'true'}]") -> str:
    return f"on: {{workflow_call: {{inputs: {inputs}}}}}\njobs: {{a: {{{job}}}}}\n"


def found(top: str, **files: str) -> list[str]:
    def read(path: str) -> bytes | None:
        content = files.get(path.rpartition("/")[2].removesuffix(".yml"))
        return None if content is None else content.encode()

    return [problem.render() for problem in lint("top.yml", top.encode(), read)]


def test_lint_looks_into_the_called_files_of_the_repository():
    assert found(calling("./.github/workflows/lib.yml"), lib=library()) == []
    (problem,) = found(calling("./.github/workflows/lib.yml", with_="{x: 1}"), lib=library())
    assert problem == "top.yml:3:14: `uses: ./.github/workflows/lib.yml`: it has no input `x`; it has none"
    (problem,) = found(calling("./.github/workflows/lib.yml"), lib=library("{m: {type: string, required: true}}"))
    assert "its input `m` is required" in problem
    assert "there is no .github/workflows/lib.yml" in found(calling("./.github/workflows/lib.yml"))[0]
    (problem,) = found(calling("./.github/workflows/lib.yml"), lib="on: workflow_call\njobs: 1\n")
    assert "it has errors, the first of them: .github/workflows/lib.yml:2:7:" in problem
    (problem,) = found(
        calling("./.github/workflows/lib.yml"), lib="on: push\njobs: {a: {runs-on: x, steps: [{run: b}]}}"
    )
    assert "it has no `on: workflow_call`" in problem


def test_lint_says_that_it_cannot_see_other_repositories():
    (problem,) = found(calling("o/r/.github/workflows/a.yml@v1"))
    assert problem.startswith("top.yml:3:14: warning: ")


def test_lint_finds_circles():
    one, two = (library(job=f"uses: ./.github/workflows/{name}.yml") for name in ("two", "one"))
    (problem,) = found(calling("./.github/workflows/one.yml"), one=one, two=two)
    way = [f".github/workflows/{name}.yml" for name in ("one", "two", "one")]
    assert f"it leads back to itself: {' calls '.join(way)}" in problem


def test_without_the_repository_nothing_is_said_of_calls():
    assert lint("top.yml", calling("./.github/workflows/none.yml").encode()) == []
