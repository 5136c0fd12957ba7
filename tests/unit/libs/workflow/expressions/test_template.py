"""Strings with `${{ }}`, values made of them, and the insert directive."""

import pytest

from libs.workflow.expressions import (
    CaseSensitive,
    ExpressionError,
    HashFilesWanted,
    Scope,
    Value,
    availability_of,
    evaluate_string,
    evaluate_template,
    evaluate_text,
    has_expression,
    parse_template,
)
from libs.workflow.expressions.template import Expression, Text

scope = Scope(
    {
        "github": {"ref": "main", "number": 7, "event": {"a": [1]}, "none": None, "braces": "}} ${{ github.ref }}"},
        "matrix": {"os": "linux", "on": True, "extra": {"y": 2, "z": 3}},
        "env": CaseSensitive({"NAME": "upper"}),
    }
)

strings: list[tuple[str, Value]] = [
    ("", ""),
    ("plain", "plain"),
    ("$ {{ x }}", "$ {{ x }}"),
    ("{{ x }}", "{{ x }}"),
    ("$${{ 1 }}", "$1"),
    ("}} x", "}} x"),
    ("${{ github.number }}", 7),
    ("${{github.number}}", 7),
    ("${{\n github.number\n}}", 7),
    ("${{ matrix.on }}", True),
    ("${{ github.none }}", None),
    ("${{ github.event }}", {"a": [1]}),
    ("${{ github.event.a }}", [1]),
    ("${{ 'x' }}", "x"),
    (" ${{ github.number }}", " 7"),
    ("${{ github.number }} ", "7 "),
    ("${{ 1 }}${{ 2 }}", "12"),
    ("a-${{ 1 }}-b-${{ 2 }}-c", "a-1-b-2-c"),
    ("v${{ github.none }}", "v"),
    ("v${{ matrix.on }}", "vtrue"),
    ("v${{ github.event }}", "vObject"),
    ("v${{ github.event.a }}", "vArray"),
    ("v${{ 1.50 }}", "v1.5"),
    ("${{ '}}' }}", "}}"),
    ("${{ 'it''s }}' }}!", "it's }}!"),
    ("${{ format('{{{0}}}', 1) }}", "{1}"),
    ("${{ '${{ x }}' }}", "${{ x }}"),
    ("a ${{ github.braces }} b", "a }} ${{ github.ref }} b"),
    ("{0} ${{ 1 }}", "{0} 1"),
    ("it's ${{ 1 }}", "it's 1"),
    ("${{ env.NAME }}", "upper"),
    ("${{ env.name }}", None),
    ("${{ Matrix.OS }}", "linux"),
    ("echo ${{ github.ref }}\necho ${{ matrix.os }}\n", "echo main\necho linux\n"),
    ("${{ 1 }}}", "1}"),
]


@pytest.mark.parametrize(("text", "value"), strings)
def test_strings(text: str, value: Value) -> None:
    result = evaluate_string(text, scope)
    assert result == value
    assert type(result) is type(value)


errors = [
    ("${{ github.ref", 1, "parsing", "The expression is not closed"),
    ("ab ${{ 'x }}", 4, "parsing", "The expression is not closed"),
    ("${{ 1 }} ${{", 10, "parsing", "The expression is not closed"),
    ("${{ }}", 5, "parsing", "An expression was expected"),
    ("${{}}", 4, "parsing", "An expression was expected"),
    ("ab ${{ githb }}", 8, "parsing", "Unrecognized named-value: 'githb'"),
    ("${{ 1 }} ${{ 1 == }}", 16, "parsing", "Unexpected end of expression: '=='"),
    ("x ${{ 'a' $b }}", 11, "lexing", "Unexpected symbol"),
    ("x\n${{ 1 2 }}", 9, "parsing", "Unexpected symbol: '2'"),
    ("a ${{ fromJSON('x') }}", 7, "evaluation", "Error parsing JSON"),
    ("${{ insert }}", 5, "evaluation", "The directive 'insert'"),
    ("a ${{ insert }}", 7, "parsing", "The directive 'insert'"),
    ("${{ insert }}${{ 1 }}", 5, "parsing", "The directive 'insert'"),
    ("${{ insert x }}", 5, "parsing", "No parameters were expected"),
    ('${{ "x" }}', 5, "lexing", "Unexpected symbol: '\"x\"'"),
    ("${{ insertx }}", 5, "parsing", "Unrecognized named-value: 'insertx'"),
]


@pytest.mark.parametrize(("text", "column", "kind", "reason"), errors)
def test_errors_have_their_column_in_the_whole_string(text: str, column: int, kind: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate_string(text, scope)
    assert (raised.value.kind, raised.value.column) == (kind, column)
    assert raised.value.reason.startswith(reason)


def test_a_template_knows_its_segments() -> None:
    template = parse_template("a ${{ github.ref }}b")
    first, expression, last = template.segments
    assert (first, last) == (Text("a "), Text("b"))
    assert isinstance(expression, Expression)
    assert (expression.source, expression.offset) == ("github.ref", 6)
    assert template.sole is None
    assert len(template.nodes) == 1
    assert parse_template("${{ 1 }}").sole is not None
    assert parse_template("${{ insert }}").is_insert
    assert has_expression("a ${{")
    assert not has_expression("a {{ }}")


def test_text_is_text_and_never_a_collection() -> None:
    assert evaluate_text("${{ github.number }}", scope) == "7"
    assert evaluate_text("${{ github.none }}", scope) == ""
    assert evaluate_text("plain", scope) == "plain"
    with pytest.raises(ExpressionError, match="A mapping was not expected"):
        evaluate_text("${{ github.event }}", scope)
    with pytest.raises(ExpressionError, match="A sequence was not expected"):
        evaluate_text("${{ github.event.a }}", scope)


def test_values_are_evaluated_all_the_way_down_and_keys_too() -> None:
    value: Value = {
        "a-${{ matrix.os }}": ["${{ github.number }}", {"b": "x ${{ github.ref }}"}, 1, None, True],
        "plain": "text",
    }
    expected: Value = {"a-linux": [7, {"b": "x main"}, 1, None, True], "plain": "text"}
    assert evaluate_template(value, scope) == expected


def test_insert_puts_the_entries_of_a_mapping_in_its_place() -> None:
    value: Value = {"x": 1, "${{ insert }}": "${{ matrix.extra }}", "w": 4}
    result = evaluate_template(value, scope)
    assert result == {"x": 1, "y": 2, "z": 3, "w": 4}
    assert isinstance(result, dict)
    assert list(result) == ["x", "y", "z", "w"]


def test_insert_of_something_else_is_an_error() -> None:
    with pytest.raises(ExpressionError, match="must be a mapping"):
        evaluate_template({"${{ insert }}": "${{ github.ref }}"}, scope)


def test_results_are_not_evaluated_again() -> None:
    assert evaluate_template({"a": "${{ github.braces }}"}, scope) == {"a": "}} ${{ github.ref }}"}


def test_the_key_decides_what_may_be_named() -> None:
    steps_run = availability_of("jobs.<job_id>.steps.run")
    assert evaluate_string("${{ env.NAME }}", scope, steps_run) == "upper"
    with pytest.raises(ExpressionError, match=r"cannot be used in jobs\.<job_id>\.runs-on"):
        evaluate_string("${{ env.NAME }}", scope, availability_of("jobs.<job_id>.runs-on"))


def test_a_hash_that_is_wanted_passes_through() -> None:
    with pytest.raises(HashFilesWanted):
        evaluate_template({"key": ["k-${{ hashFiles('a') }}"]}, scope)


def test_a_value_that_is_nested_too_deeply_is_an_error() -> None:
    value: Value = "x"
    for _ in range(5_000):
        value = [value]
    with pytest.raises(ExpressionError, match="more than 100 levels"):
        evaluate_template(value, scope)


def test_text_put_together_is_bounded() -> None:
    long = Scope({"github": {"long": "x" * 3_000_000}})
    with pytest.raises(ExpressionError, match="exceeds the maximum"):
        evaluate_string("${{ github.long }}${{ github.long }}", long)


def test_hostile_templates_take_no_time() -> None:
    for text in ("${{" * 100_000, "${{ '" * 50_000, "${{ }" * 50_000, "${{ 1 }} " * 100 + "${{"):
        with pytest.raises(ExpressionError):
            parse_template(text)
