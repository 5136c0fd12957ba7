"""What `firebreak expr` answers: other people's scripts rely on it."""

import json

import pytest

from libs.workflow.expressions import Value, answer

contexts: dict[str, Value] = {
    "github": {"ref": "main", "z": 1, "a": 2},
    "myArray": [1.0, float("inf"), None],
    "job": {"status": "failure"},
}
answers: list[tuple[str, Value, str]] = [
    ("null", None, "null"),
    ("true", True, "boolean"),
    ("1", 1, "number"),
    ("1.5", 1.5, "number"),
    ("'a'", "a", "string"),
    ("github", {"ref": "main", "z": 1, "a": 2}, "object"),
    ("myarray", [1, "Infinity", None], "array"),
    ("NaN", "NaN", "number"),
    ("Infinity", "Infinity", "number"),
    ("-Infinity", "-Infinity", "number"),
    ("'NaN'", "NaN", "string"),
    ("github.ref", "main", "string"),
    ("${{ github.ref }}", "main", "string"),
    (" ${{ 1 }} ", 1, "number"),
    ("${{ 1 }}-${{ 2 }}", "1-2", "string"),
    ("success()", False, "boolean"),
    ("failure()", True, "boolean"),
    ("cancelled()", False, "boolean"),
    ("always()", True, "boolean"),
    ("'${{ x }}'", "${{ x }}", "string"),
    ("github.*", ["main", 1, 2], "array"),
    ("github.nothing", None, "null"),
]


@pytest.mark.parametrize(("expression", "value", "kind"), answers)
def test_values(expression: str, value: Value, kind: str) -> None:
    assert answer(expression, contexts) == {"value": value, "kind": kind}


errors = [
    ("a@b", "lexing", 1),
    ("secrets.A", "parsing", 1),
    ("1 ==", "parsing", 3),
    ("fromJSON('x')", "evaluation", 1),
    ("  1 == ", "parsing", 5),
    ("", "parsing", 1),
    ("${{ }}", "parsing", 5),
    (" ${{ x }}", "parsing", 6),
    ("${{ 1 + 1 }}", "lexing", 7),
    ("hashFiles('a')", "evaluation", 1),
    ("1 && hashFiles('a')", "evaluation", 6),
    ("a ${{ github.ref }}", "lexing", 3),
]


@pytest.mark.parametrize(("expression", "kind", "column"), errors)
def test_errors(expression: str, kind: str, column: int) -> None:
    result = answer(expression, contexts)
    error = result["error"]
    assert isinstance(error, dict)
    assert (error["kind"], error["column"]) == (kind, column)
    assert error["message"]
    assert list(error) == ["kind", "message", "column"]


def test_the_keys_of_the_contexts_are_the_known_names() -> None:
    assert answer("a.b", {"a": {"b": 1}}) == {"value": 1, "kind": "number"}
    assert "error" in answer("github.ref", {"a": {}})
    assert answer("Github.ref", {"GITHUB": {"REF": 1}}) == {"value": 1, "kind": "number"}


def test_status_functions_succeed_without_a_job() -> None:
    assert answer("success() && !failure() && !cancelled()", {})["value"] is True
    assert answer("cancelled()", {"job": {"status": "cancelled"}})["value"] is True


def test_hash_files_with_a_workspace() -> None:
    asked: list[tuple[str, ...]] = []

    def hash_files(patterns: tuple[str, ...]) -> str:
        asked.append(patterns)
        return "-".join(patterns)

    result = answer("format('{0} {1} {2}', hashFiles('a', 'b'), hashFiles('c'), hashFiles('c'))", {}, hash_files)
    assert result == {"value": "a-b c c", "kind": "string"}
    assert asked == [("a", "b"), ("c",)]


def test_a_value_that_is_nested_too_deeply_is_an_error() -> None:
    value: Value = []
    for _ in range(5_000):
        value = [value]
    assert "error" in answer("a", {"a": value})


def test_the_order_of_keys_is_kept() -> None:
    written = json.dumps(answer("github", contexts))
    assert written == '{"value": {"ref": "main", "z": 1, "a": 2}, "kind": "object"}'
