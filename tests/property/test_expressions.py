"""Laws of the expression language that hold for whatever is generated."""

import json
import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from libs.workflow.expressions import (
    ExpressionError,
    HashFilesWanted,
    Scope,
    Value,
    answer,
    evaluate,
    evaluate_condition,
    evaluate_string,
    is_truthy,
    parse,
    to_source,
)
from libs.workflow.expressions.availability import Availability, special_functions
from libs.workflow.expressions.casing import fold, ordinal
from libs.workflow.expressions.functions import functions
from libs.workflow.expressions.nodes import Binary, Call, Context, Filter, Index, Literally, Logical, Node, Not
from libs.workflow.expressions.values import is_less, loosely_equal, normal_number, parse_number, to_string

names = ("github", "steps", "matrix", "nothing")
known = Availability("", names, special_functions)

any_text: st.SearchStrategy[str] = st.text(st.characters(codec=None), max_size=8) | st.sampled_from(
    ["\0", "\ud800", "a\udfff", "\U0010ffff"]
)
"""Also what Hypothesis leaves out unless it is asked: halves of surrogate pairs, which JSON can bring in."""

scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.integers() | st.floats() | any_text
values: st.SearchStrategy[Value] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
contexts: st.SearchStrategy[dict[str, Value]] = st.dictionaries(st.sampled_from(names), values)

interesting_texts = ["", "a", "A", "0", " 1 ", "0x1f", "{0}", "{{0}}", "{", "[1]", '{"a": 1}', "it's", "ß", "success"]

# As the parser reads a number: whole ones are integers, so a literal of an expression is never 0.0.
numbers = st.floats().map(normal_number)
literals = st.sampled_from(interesting_texts) | st.text(max_size=6) | st.none() | st.booleans() | numbers


def calls(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    def call(name: str) -> st.SearchStrategy[Node]:
        function = functions[name]
        size = st.integers(function.minimum, min(function.maximum, 5))
        if name == "case":
            size = st.sampled_from([3, 5])
        arguments = size.flatmap(lambda count: st.tuples(*[inner] * count))
        return arguments.map(lambda nodes: Call(function.name, nodes, 1))

    return st.sampled_from(sorted(functions)).flatmap(call)


def deeper(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        calls(inner),
        st.builds(Index, inner, inner, st.just(1)),
        st.builds(Filter, inner, st.just(1)),
        st.builds(Not, inner, st.just(1)),
        st.builds(Binary, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), inner, inner, st.just(1)),
        st.builds(Logical, st.sampled_from(["&&", "||"]), operands, st.just(1)),
    )


leaves = st.builds(Literally, literals, st.just(1)) | st.builds(Context, st.sampled_from(names), st.just(1))
nodes: st.SearchStrategy[Node] = st.recursive(leaves, deeper, max_leaves=12)

symbols = [
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "*",
    "!",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "'",
    "''",
    " ",
    "${{",
    "}}",
]
words = [
    "github",
    "steps.a",
    "true",
    "NaN",
    "format",
    "fromJSON",
    "toJSON",
    "hashFiles",
    "insert",
    "1",
    ".5",
    "0x",
    "-",
    "$",
]
soup = st.lists(st.sampled_from([*symbols, *words]) | any_text, max_size=25).map("".join)

nests = [
    ("(", ")"),
    ("!", ""),
    ("github[", "]"),
    ("toJSON(", ")"),
    ("", ".a"),
    ("", ".*"),
    ("", " && 1"),
    ("", "=="),
    ("'", "'"),
]


def repeated(around: tuple[str, str], times: int, inner: str) -> str:
    return around[0] * times + inner + around[1] * times


nested = st.builds(repeated, st.sampled_from(nests), st.sampled_from([49, 50, 51, 1_000, 5_000, 30_000]), soup)
digits = st.integers(1, 3_000)
huge: st.SearchStrategy[str] = digits.map("9".__mul__) | digits.map(lambda count: f"1e{'9' * count}")


@given(soup | nested | huge | any_text, contexts)
def test_whatever_the_text_there_is_an_answer(text: str, given_contexts: dict[str, Value]) -> None:
    result = answer(text, given_contexts)
    assert ("error" in result) != ("value" in result)
    json.dumps(result, allow_nan=False)


@given(soup | nested | huge | any_text, contexts)
def test_whatever_the_template_only_the_languages_own_errors_are_raised(text: str, given: dict[str, Value]) -> None:
    scope = Scope(given)
    for column in (column_of(evaluate_string, text, scope), column_of(evaluate_condition, text, scope)):
        assert 1 <= column <= len(text) + 1


def column_of(evaluate_text: Callable[[str, Scope], object], text: str, scope: Scope) -> int:
    try:
        evaluate_text(text, scope)
    except (ExpressionError, HashFilesWanted) as stopped:
        return stopped.column
    return 1


@given(nodes, contexts)
def test_evaluation_raises_nothing_but_the_languages_own_errors(node: Node, given_contexts: dict[str, Value]) -> None:
    assert outcome(node, Scope(given_contexts))[0] in ("value", "evaluation", "wanted")


@given(nodes)
def test_what_is_printed_is_parsed_to_the_same(node: Node) -> None:
    text = to_source(node)
    once = to_source(parse(text, known))
    assert to_source(parse(once, known)) == once


@given(nodes, contexts)
def test_what_is_printed_means_the_same(node: Node, given_contexts: dict[str, Value]) -> None:
    scope = Scope(given_contexts)
    assert outcome(node, scope) == outcome(parse(to_source(node), known), scope)


@given(nodes, nodes, contexts)
def test_and_and_or_give_one_of_their_operands(left: Node, right: Node, given_contexts: dict[str, Value]) -> None:
    scope = Scope(given_contexts)
    first, second = outcome(left, scope), outcome(right, scope)
    both, either = outcome(Logical("&&", (left, right), 1), scope), outcome(Logical("||", (left, right), 1), scope)
    if first[0] == "value":
        truthy = is_truthy(evaluate(left, scope))
        assert both == (second if truthy else first)
        assert either == (first if truthy else second)
    else:
        assert both == either == first


def outcome(node: Node, scope: Scope) -> tuple[str, str]:
    """What came out, in a form in which NaN equals itself."""
    try:
        return "value", repr(evaluate(node, scope))
    except ExpressionError as error:
        return error.kind, error.reason
    except HashFilesWanted as wanted:
        return "wanted", repr(wanted.patterns)


@given(
    st.integers(90, 3_000), st.sampled_from(["toJSON(github)", "github.*.*", "fromJSON(github)", "github == github"])
)
def test_contexts_may_be_nested_as_deeply_as_they_like(depth: int, text: str) -> None:
    deep: Value = 1
    for _ in range(depth):
        deep = [deep]
    for given_value in (deep, "[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        result = answer(text, {"github": given_value})
        assert ("error" in result) != ("value" in result)


@given(values, values)
def test_equality_is_symmetric_and_excludes_order(left: Value, right: Value) -> None:
    assert loosely_equal(left, right) == loosely_equal(right, left)
    assert not (is_less(left, right) and is_less(right, left))
    if loosely_equal(left, right):
        assert not is_less(left, right)


@given(values)
def test_everything_but_nan_equals_itself(value: Value) -> None:
    is_nan = isinstance(value, float) and math.isnan(value)
    assert loosely_equal(value, value) != is_nan


@given(values)
def test_truth_is_not_not(value: Value) -> None:
    scope = Scope({"github": value})
    assert evaluate(parse("!!github"), scope) is is_truthy(value)


@given(st.text(), st.text())
def test_folding_is_stable_and_orders_as_it_equates(left: str, right: str) -> None:
    assert fold(fold(left)) == fold(left)
    assert len(fold(left)) == len(left)
    assert (ordinal(left) == ordinal(right)) == (fold(left) == fold(right))


@given(st.floats(allow_nan=False) | st.integers())
def test_a_written_number_reads_as_nearly_the_same(number: float) -> None:
    again = parse_number(to_string(number))
    assert again == number or math.isclose(again, number, rel_tol=1e-14) or abs(number) > 1e308


@given(values)
def test_json_that_was_written_is_read_again(value: Value) -> None:
    written = evaluate(parse("toJSON(github)"), Scope({"github": value}))
    assert isinstance(written, str)
    # Fifteen digits, as GitHub writes them, may round the greatest doubles up beyond what a double holds.
    if "NaN" not in written and "Infinity" not in written and "E+308" not in written:
        again = evaluate(parse("toJSON(fromJSON(github))"), Scope({"github": written}))
        assert again == written


@given(st.text(), contexts)
def test_text_without_an_expression_is_itself(text: str, given_contexts: dict[str, Value]) -> None:
    if "${{" not in text:
        assert evaluate_string(text, Scope(given_contexts)) == text


@given(st.text(), st.text())
def test_a_string_literal_holds_any_text(text: str, around: str) -> None:
    literal = to_source(Literally(text, 1))
    assert evaluate(parse(literal), Scope()) == text
    if "${{" not in around:
        expected = f"{around}{text}{around}" if around else text
        assert evaluate_string(f"{around}${{{{ {literal} }}}}{around}", Scope()) == expected
