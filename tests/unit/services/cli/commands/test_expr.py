"""`firebreak expr`: what it prints, and its exit codes."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from services.cli.commands.expr import command


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin)


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_one_expression() -> None:
    result = run("format('{0}-{1}', 1, 'é')")
    assert (result.exit_code, result.stdout) == (0, '{"value": "1-é", "kind": "string"}\n')


def test_the_json_option_changes_nothing() -> None:
    assert run("1 == 1", "--json").stdout == run("1 == 1").stdout


def test_contexts_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "contexts.json"
    path.write_text('{"github": {"ref": "main"}}')
    result = run("${{ github.ref }}", "--contexts", str(path))
    assert (result.exit_code, lines(result)) == (0, [{"value": "main", "kind": "string"}])


def test_an_invalid_expression_exits_with_2() -> None:
    result = run("1 ==")
    assert result.exit_code == 2
    message = "Unexpected end of expression: '=='. Located at position 3 within expression: 1 =="
    assert lines(result) == [{"error": {"kind": "parsing", "message": message, "column": 3}}]


def test_a_file_that_cannot_be_used_exits_with_2_and_names_it(tmp_path: Path) -> None:
    broken, array, deep = tmp_path / "broken.json", tmp_path / "array.json", tmp_path / "deep.json"
    broken.write_text("{")
    array.write_text("[]")
    deep.write_text("[" * 100_000)
    for path in (broken, array, deep, tmp_path / "missing.json", tmp_path):
        result = run("1", "--contexts", str(path))
        assert (result.exit_code, result.stdout) == (2, "")
        assert path.name in result.stderr


def test_without_an_expression_it_says_what_is_needed() -> None:
    result = run()
    assert result.exit_code == 2
    assert "EXPRESSION" in result.stderr


def test_ndjson_answers_one_a_line_in_order() -> None:
    requests: list[dict[str, object]] = [
        {"expr": "a.b", "contexts": {"a": {"b": 1}}},
        {"expr": "1 ==", "contexts": {}},
        {"expr": "NaN"},
        {"expr": "${{ a }}", "contexts": {"a": [1, {"z": 1, "b": 2}]}},
        {"expr": "1", "contexts": None},
    ]
    result = run("--ndjson", stdin="\n".join(map(json.dumps, requests)))
    assert result.exit_code == 0
    first, second, third, fourth, fifth = lines(result)
    assert first == {"value": 1, "kind": "number"}
    assert "error" in second
    assert third == {"value": "NaN", "kind": "number"}
    assert json.dumps(fourth) == '{"value": [1, {"z": 1, "b": 2}], "kind": "array"}'
    assert fifth == {"value": 1, "kind": "number"}


def test_a_bad_line_is_answered_and_the_next_one_too() -> None:
    bad = ["nope", '{"expr": 1}', '{"contexts": {}}', "[]", '{"expr": "1", "contexts": []}', '"x"', "{", "[" * 5_000]
    result = run("--ndjson", stdin="\n".join([*bad, '{"expr": "1"}', ""]))
    answers = lines(result)
    assert result.exit_code == 0
    assert len(answers) == len(bad) + 1
    for number, each in enumerate(answers[:-1], start=1):
        error = each["error"]
        assert isinstance(error, dict)
        assert error["kind"] == "parsing"
        assert f"line {number} " in error["message"]
    assert answers[-1] == {"value": 1, "kind": "number"}


def test_bytes_that_are_no_text_are_a_bad_line() -> None:
    result = run("--ndjson", stdin=b'\xff\xfe\n{"expr": "true"}\n')
    assert [sorted(each) for each in lines(result)] == [["error"], ["kind", "value"]]


def test_half_a_surrogate_pair_is_written_escaped() -> None:
    result = run("--ndjson", stdin=json.dumps({"expr": "a", "contexts": {"a": "\ud800"}}))
    assert result.stdout == '{"value": "\\ud800", "kind": "string"}\n'


def test_ndjson_takes_no_expression() -> None:
    assert run("--ndjson", "1").exit_code == 2


def test_help_has_an_example() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "firebreak expr" in result.stdout
