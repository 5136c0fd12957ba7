"""Tokens to a tree: precedence, positions of errors, names and arities, limits."""

import pytest

from libs.workflow.expressions import availability_of, everywhere, parse, to_source
from libs.workflow.expressions.availability import Availability
from libs.workflow.expressions.errors import ExpressionError
from libs.workflow.expressions.nodes import Call, Context, Index, Literally, Logical
from libs.workflow.expressions.parser import max_expression_depth

grouped = [
    ("1 || 2 && 3", "1 || (2 && 3)"),
    ("1 && 2 || 3", "(1 && 2) || 3"),
    ("1 == 2 && 3", "(1 == 2) && 3"),
    ("1 < 2 == 3", "(1 < 2) == 3"),
    ("1 == 2 < 3", "1 == (2 < 3)"),
    ("1 == 2 != 3", "(1 == 2) != 3"),
    ("1 < 2 >= 3", "(1 < 2) >= 3"),
    ("!1 == 2", "!1 == 2"),
    ("!(1 == 2)", "!(1 == 2)"),
    ("!!1", "!!1"),
    ("(1)", "1"),
    ("((1))", "1"),
    ("1 && (2 && 3)", "1 && 2 && 3"),
    ("(1 || 2) || 3", "1 || 2 || 3"),
    ("(1 || 2) && 3", "(1 || 2) && 3"),
    ("github.a.b", "github['a']['b']"),
    ("github['a'].b", "github['a']['b']"),
    ("github.*", "github.*"),
    ("github[*].a", "github.*['a']"),
    ("(github).a", "github['a']"),
    ("GitHub.Ref", "github['Ref']"),
    ("tojson(1)", "toJSON(1)"),
    ("FORMAT('a')", "format('a')"),
    ("fromJSON('1')[0].a", "fromJSON('1')[0]['a']"),
    ("!github.a", "!github['a']"),
    ("1 < -1", "1 < -1"),
    ("github [ 0 ] . a", "github[0]['a']"),
    ("format ( 'a' , 1 )", "format('a', 1)"),
    ("('a')[0]", "('a')[0]"),
    ("!github.a == true", "!github['a'] == true"),
    ("github[github.a]", "github[github['a']]"),
]


@pytest.mark.parametrize(("text", "source"), grouped)
def test_precedence_and_grouping(text: str, source: str) -> None:
    assert to_source(parse(text)) == source


def test_nodes_know_their_columns() -> None:
    node = parse("github.ref && format('x')")
    assert isinstance(node, Logical)
    assert node.column == 12
    index, call = node.operands
    assert isinstance(index, Index)
    assert isinstance(call, Call)
    assert (index.target, index.key) == (Context("github", 1), Literally("ref", 8))
    assert (index.column, call.column) == (7, 15)


ends = [
    ("1 ==", 3, "=="),
    ("1 &&", 3, "&&"),
    ("(", 1, "("),
    ("(1", 2, "1"),
    ("!", 1, "!"),
    ("github.", 7, "."),
    ("github[", 7, "["),
    ("github[1", 8, "1"),
    ("github[*", 8, "*"),
    ("format(", 7, "("),
    ("format('a'", 8, "'a'"),
    ("format('a',", 11, ","),
    ("((1)", 4, ")"),
    ("1 ||\n", 3, "||"),
]


@pytest.mark.parametrize(("text", "column", "symbol"), ends)
def test_an_expression_that_ends_too_early_names_its_last_symbol(text: str, column: int, symbol: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    error = raised.value
    assert (error.kind, error.column, error.reason) == ("parsing", column, f"Unexpected end of expression: '{symbol}'")


unexpected = [
    ("1 2", 3, "2"),
    ("github github", 8, "github"),
    (")", 1, ")"),
    ("]", 1, "]"),
    ("*", 1, "*"),
    ("== 1", 1, "=="),
    ("1 == == 2", 6, "=="),
    ("github.1", 8, "1"),
    ("github.[0]", 8, "["),
    ("github.'a'", 8, "'a'"),
    ("'a'[0]", 4, "["),
    ("1[0]", 2, "["),
    ("true[0]", 5, "["),
    ("github[]", 8, "]"),
    ("github[1,2]", 9, ","),
    ("(1,2)", 3, ","),
    ("()", 2, ")"),
    ("format(,)", 8, ","),
    ("format('a',)", 12, ")"),
    ("format('a' 1)", 12, "1"),
    ("1, 2", 2, ","),
    ("github.*.1", 10, "1"),
    ("github[1].2", 11, "2"),
    ("fromJSON('').1", 14, "1"),
    ("1 && || 2", 6, "||"),
    ("1)", 2, ")"),
    ("(1]", 3, "]"),
    ("github[1)", 9, ")"),
    ("github.a(1)", 9, "("),
    ("true(1)", 5, "("),
    ("github.*(1)", 9, "("),
    ("1 !2", 3, "!"),
    ("* == 1", 1, "*"),
    ("format(1)(2)", 10, "("),
]


@pytest.mark.parametrize(("text", "column", "symbol"), unexpected)
def test_a_symbol_in_the_wrong_place_is_named(text: str, column: int, symbol: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    error = raised.value
    assert (error.kind, error.column, error.reason) == ("parsing", column, f"Unexpected symbol: '{symbol}'")


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u00a0"])
def test_nothing_is_no_expression(text: str) -> None:
    with pytest.raises(ExpressionError, match="An expression was expected"):
        parse(text)


def test_the_message_is_worded_and_placed_as_on_github() -> None:
    with pytest.raises(ExpressionError) as raised:
        parse("foo.bar")
    expected = "Unrecognized named-value: 'foo'. Located at position 1 within expression: foo.bar"
    assert raised.value.message == str(raised.value) == expected


unknown = [
    ("githb.ref", 1, "Unrecognized named-value: 'githb' (did you mean 'github'?)"),
    ("1 && matirx.os", 6, "Unrecognized named-value: 'matirx' (did you mean 'matrix'?)"),
    ("step.a", 1, "Unrecognized named-value: 'step' (did you mean 'steps'?)"),
    ("True", 1, "Unrecognized named-value: 'True' (did you mean 'true'?)"),
    ("zzz", 1, "Unrecognized named-value: 'zzz'"),
    ("fomat('a')", 1, "Unrecognized function: 'fomat' (did you mean 'format'?)"),
    ("1 || toJsn(1)", 6, "Unrecognized function: 'toJsn' (did you mean 'toJSON'?)"),
    ("canceled()", 1, "Unrecognized function: 'canceled' (did you mean 'cancelled'?)"),
    ("zzz()", 1, "Unrecognized function: 'zzz'"),
    ("format(zzz)", 8, "Unrecognized named-value: 'zzz'"),
    ("github[zzz]", 8, "Unrecognized named-value: 'zzz'"),
    ("format", 1, "Unrecognized named-value: 'format'"),
]


@pytest.mark.parametrize(("text", "column", "reason"), unknown)
def test_an_unknown_name_is_an_error_with_the_nearest_known_one(text: str, column: int, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text)
    assert (raised.value.kind, raised.value.column) == ("parsing", column)
    assert raised.value.reason.startswith(reason)


few, many = "Too few parameters supplied", "Too many parameters supplied"
arities = [
    ("contains('a')", few),
    ("contains()", few),
    ("contains('a','b','c')", many),
    ("startsWith('a')", few),
    ("startsWith('a','b','c')", many),
    ("endsWith('a')", few),
    ("endsWith('a','b','c')", many),
    ("format()", few),
    ("join()", few),
    ("join(1,2,3)", many),
    ("toJSON()", few),
    ("toJSON(1,2)", many),
    ("fromJSON()", few),
    ("fromJSON(1,2)", many),
    ("hashFiles()", few),
    ("success(1)", many),
    ("failure(1)", many),
    ("always(1)", many),
    ("cancelled(1)", many),
    ("case()", few),
    ("case(true)", few),
    ("case(true, 1)", few),
    ("case(true, 1, false, 2)", "Even number of parameters supplied, requires an odd number of parameters"),
    (f"format({','.join('1' * 256)})", many),
    (f"hashFiles({','.join('1' * 256)})", many),
]


@pytest.mark.parametrize(("text", "reason"), arities)
def test_the_number_of_arguments_is_checked(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(f"1 == {text}")
    name = text.partition("(")[0]
    error = raised.value
    assert (error.kind, error.column, error.reason) == ("parsing", 6, f"{reason}: '{name}'")


legal = [
    "format('a')",
    f"format({','.join('1' * 255)})",
    "join(1)",
    "join(1,2)",
    "hashFiles('a')",
    "case(true,1,2)",
    f"hashFiles({','.join('1' * 255)})",
    "always()",
    "success()",
    "failure()",
    "cancelled()",
    "case(true,1,false,2,3)",
]


@pytest.mark.parametrize("text", legal)
def test_allowed_numbers_of_arguments(text: str) -> None:
    assert isinstance(parse(text), Call)


def test_status_functions_take_names_of_jobs_in_a_jobs_condition_only() -> None:
    parse("success('a', 'b') || failure('a')", availability_of("jobs.<job_id>.if"))
    parse("failure('a'" + ", 'b'" * 300 + ")", availability_of("jobs.<job_id>.if"))
    with pytest.raises(ExpressionError, match="Too many parameters supplied: 'success'"):
        parse("success('a')", availability_of("jobs.<job_id>.steps.if"))


_planned = "github, inputs, matrix, needs, strategy, vars"
_running = "env, github, inputs, job, matrix, needs, runner, steps, strategy, vars"
misplaced = [
    ("secrets.A", "jobs.<job_id>.if", "jobs.<job_id>.if, which has github, inputs, needs, vars)"),
    (
        "1 && env.A",
        "jobs.<job_id>.runs-on",
        f"'env' (it cannot be used in jobs.<job_id>.runs-on, which has {_planned})",
    ),
    (
        "secrets.A",
        "jobs.<job_id>.steps.if",
        f"'secrets' (it cannot be used in jobs.<job_id>.steps.if, which has {_running})",
    ),
    ("secrets.A", "jobs.<job_id>.steps.uses", "jobs.<job_id>.steps.uses, which has no contexts)"),
    ("hashFiles('a')", "jobs.<job_id>.if", "'hashFiles' (it cannot be used in jobs.<job_id>.if)"),
    ("always()", "jobs.<job_id>.steps.run", "'always' (it cannot be used in jobs.<job_id>.steps.run)"),
    (
        "MATRIX.os",
        "jobs.<job_id>.strategy.matrix",
        "'MATRIX' (it cannot be used in jobs.<job_id>.strategy, which has github, inputs, needs, vars)",
    ),
]


@pytest.mark.parametrize(("text", "key", "reason"), misplaced)
def test_a_name_that_the_key_may_not_use_is_an_error(text: str, key: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text, availability_of(key))
    assert raised.value.kind == "parsing"
    assert raised.value.reason.endswith(reason)


def test_known_names_keep_their_spelling() -> None:
    assert parse("MYARRAY", Availability("", ("myArray",))) == Context("myArray", 1)


def nested(opening: str, closing: str, levels: int) -> str:
    return opening * levels + "1" + closing * levels


depths = [
    ("(", ")"),
    ("!", ""),
    ("toJSON(", ")"),
    ("github[", "]"),
    ("1 == (", ")"),
    ("(1 && (0 || ", "))"),
]


@pytest.mark.parametrize(("opening", "closing"), depths)
def test_depth_is_bounded_and_never_a_recursion_error(opening: str, closing: str) -> None:
    parse(nested(opening, closing, 15))
    for levels in (51, 300, 1_300):
        with pytest.raises(ExpressionError, match="Exceeded max expression depth 50"):
            parse(nested(opening, closing, levels))


@pytest.mark.parametrize("link", [".a", "[0]", ".*", " == 1", " < 1"])
def test_chains_are_levels_too(link: str) -> None:
    parse("github" + link * (max_expression_depth - 1))
    with pytest.raises(ExpressionError, match="Exceeded max expression depth 50"):
        parse("github" + link * max_expression_depth)


def test_and_chains_are_one_level_however_long() -> None:
    assert isinstance(parse(" && ".join(["true"] * 1000)), Logical)


def test_long_expressions_are_parsed_alike_without_the_cache() -> None:
    long = "github.a == '" + "x" * 1000 + "'"
    assert parse(long) == parse(long, everywhere)
