"""What each function answers, as GitHub's documentation and the runner's source have it."""

import pytest

from libs.workflow.expressions import ExpressionError, Scope, Value, evaluate, parse
from libs.workflow.expressions.availability import Availability

contexts: dict[str, Value] = {
    "array": ["push", "Pull_Request", 1, True, None, "", [1], {"a": 1}],
    "words": ["a", "b", "c"],
    "one": ["x"],
    "none": [],
    "object": {"a": 1, "B": [True, None], "c": {}, "d": []},
    "empty": {},
    "absent": None,
    "mixed": [1, 1.5, True, None, "s", [1], {}],
    "secret": "hunter2 {",
}
names = Availability("", tuple(contexts))


def value_of(text: str) -> Value:
    return evaluate(parse(text, names), Scope(contexts))


cases: list[tuple[str, Value]] = [
    # contains
    ("contains('Hello world', 'llo')", True),
    ("contains('Hello world', 'LLO')", True),
    ("contains('abc', 'd')", False),
    ("contains('abc', '')", True),
    ("contains('', '')", True),
    ("contains(absent, '')", True),
    ("contains(absent, 'a')", False),
    ("contains(12345, 34)", True),
    ("contains(true, 'RU')", True),
    ("contains('a1', 1)", True),
    ("contains('true', true)", True),
    ("contains(array, 'push')", True),
    ("contains(array, 'PUSH')", True),
    ("contains(array, 'pul')", False),
    ("contains(array, 1)", True),
    ("contains(array, '1')", True),
    ("contains(array, true)", True),
    ("contains(array, null)", True),
    ("contains(none, '')", False),
    ("contains(none, null)", False),
    ("contains(array, array)", False),
    ("contains(array, 2)", False),
    ("contains(words, 0)", False),
    ("contains(object, 'a')", False),
    ("contains(empty, '')", False),
    ("contains('abc', words)", False),
    ("contains('Array', words)", False),
    ("contains(array, array[6])", True),
    ("contains(fromJSON('[\"push\"]'), 'Push')", True),
    ("contains(object.*, 1)", True),
    ("contains('É', 'é')", True),
    ("CONTAINS('a', 'a')", True),
    ("contains('straße', 'SS')", False),
    # startsWith, endsWith
    ("startsWith('Hello world', 'He')", True),
    ("startsWith('Hello', 'he')", True),
    ("startsWith('abc', 'b')", False),
    ("startsWith('abc', '')", True),
    ("startsWith('', 'a')", False),
    ("startsWith(123, 12)", True),
    ("startsWith(true, 'T')", True),
    ("startsWith(absent, '')", True),
    ("startsWith(words, 'A')", False),
    ("startsWith('Array', words)", False),
    ("startsWith(object, '')", False),
    ("startsWith('refs/tags/v1', 'refs/tags/')", True),
    ("startsWith('a', 'ab')", False),
    ("endsWith('Hello world', 'ld')", True),
    ("endsWith('Hello', 'LO')", True),
    ("endsWith('abc', 'b')", False),
    ("endsWith('abc', '')", True),
    ("endsWith('', 'a')", False),
    ("endsWith(123, 23)", True),
    ("endsWith(false, 'SE')", True),
    ("endsWith(absent, '')", True),
    ("endsWith(words, 'y')", False),
    ("endsWith('x', object)", False),
    ("endswith('É', 'é')", True),
    # format
    ("format('Hello {0} {1} {2}', 'Mona', 'the', 'Octocat')", "Hello Mona the Octocat"),
    ("format('{{Hello {0} {1} {2}!}}', 'Mona', 'the', 'Octocat')", "{Hello Mona the Octocat!}"),
    ("format('')", ""),
    ("format('', 'a')", ""),
    ("format(null)", ""),
    ("format(null, 'a')", ""),
    ("format('a')", "a"),
    ("format('123{0}456', 'abc')", "123abc456"),
    ("format('{0}{0}', 'a')", "aa"),
    ("format('{1}{0}', 'a', 'b')", "ba"),
    ("format('{{0}}', 'a')", "{0}"),
    ("format('{{{0}}}', 'a')", "{a}"),
    ("format('{{{{0}}}}', 'a')", "{{0}}"),
    ("format('}}', 'a')", "}"),
    ("format('{{', 'a')", "{"),
    ("format('}}{{', 'a')", "}{"),
    ("format('}}{{}}', 'a')", "}{}"),
    ("format('{0}', null)", ""),
    ("format('{0}', true)", "true"),
    ("format('{0}', 1.50)", "1.5"),
    ("format('{0}', -0)", "0"),
    ("format('{0}', NaN)", "NaN"),
    ("format('{0}', -Infinity)", "-Infinity"),
    ("format('{0}', words)", "Array"),
    ("format('{0}', object)", "Object"),
    ("format('{0}', '{1}')", "{1}"),
    ("format('{00}', 'a')", "a"),
    ("format(1)", "1"),
    ("format('{10}', 0,1,2,3,4,5,6,7,8,9,'x')", "x"),
    ("format('a{0}', 'b', 'unused')", "ab"),
    ("format(words)", "Array"),
    ("format('{0}', fromJSON('1e21'))", "1E+21"),
    ("format('it''s {0}', 'it''s')", "it's it's"),
    ("format('{0}\n', 1)", "1\n"),
    ("format('a', fromJSON('nope'))", "a"),
    # join
    ("join(words)", "a,b,c"),
    ("join(words, ', ')", "a, b, c"),
    ("join(words, '')", "abc"),
    ("join(words, null)", "abc"),
    ("join(words, 1)", "a1b1c"),
    ("join(words, words)", "a,b,c"),
    ("join(words, object)", "a,b,c"),
    ("join(none)", ""),
    ("join(none, '-')", ""),
    ("join(one, '-')", "x"),
    ("join('abc')", "abc"),
    ("join('abc', '-')", "abc"),
    ("join(1)", "1"),
    ("join(true)", "true"),
    ("join(absent)", ""),
    ("join(object)", ""),
    ("join(mixed)", "1,1.5,true,,s,Array,Object"),
    ("join(object.*, '-')", "1-Array-Object-Array"),
    ("JOIN(words, '\n')", "a\nb\nc"),
    ("join(one, fromJSON('x'))", "x"),
    # toJSON
    ("toJSON(null)", "null"),
    ("toJSON(true)", "true"),
    ("toJSON(false)", "false"),
    ("toJSON(0)", "0"),
    ("toJSON(-0)", "0"),
    ("toJSON(1234.5)", "1234.5"),
    ("toJSON(-123456789)", "-123456789"),
    ("toJSON('')", '""'),
    ("toJSON('abc')", '"abc"'),
    ("toJSON('a\"b')", '"a\\"b"'),
    ("toJSON('a\\b')", '"a\\\\b"'),
    ("toJSON('a\n\t')", '"a\\n\\t"'),
    ("toJSON('it''s')", '"it\'s"'),
    ("toJSON('é😀')", '"é😀"'),
    ("toJSON('\u2028\x85')", '"\\u2028\\u0085"'),
    ("toJSON('\x01\x7f')", '"\\u0001\x7f"'),
    ("toJSON('</a>')", '"</a>"'),
    ("toJSON(none)", "[]"),
    ("toJSON(empty)", "{}"),
    ("toJSON(words)", '[\n  "a",\n  "b",\n  "c"\n]'),
    ("toJSON(object)", '{\n  "a": 1,\n  "B": [\n    true,\n    null\n  ],\n  "c": {},\n  "d": []\n}'),
    ("toJSON(1e21)", "1E+21"),
    ("toJSON(mixed)", '[\n  1,\n  1.5,\n  true,\n  null,\n  "s",\n  [\n    1\n  ],\n  {}\n]'),
    ("TOJSON(absent)", "null"),
    ("toJSON(fromJSON('[[[]]]'))", "[\n  [\n    []\n  ]\n]"),
    ('toJSON(fromJSON(\'{"z":1,"a":2}\'))', '{\n  "z": 1,\n  "a": 2\n}'),
    # fromJSON
    ("fromJSON('null')", None),
    ("fromJSON('true')", True),
    ("fromJSON('0')", 0),
    ("fromJSON('-0')", 0),
    ("fromJSON('1.0')", 1),
    ("fromJSON('-1234.5')", -1234.5),
    ("fromJSON('1e3')", 1000),
    ("fromJSON('\"\"')", ""),
    ("fromJSON('\"a''b\"')", "a'b"),
    ("fromJSON('\"\\u00e9\\n\"')", "é\n"),
    ("fromJSON('[]')", []),
    ("fromJSON('{}')", {}),
    ("fromJSON(' [ 1 , 2 ] ')", [1, 2]),
    ('fromJSON(\'{"a": {"b": [1, "x", null]}}\')', {"a": {"b": [1, "x", None]}}),
    ("fromJSON(true)", True),
    ("fromJSON(1)", 1),
    ("fromJSON(toJSON(object))", contexts["object"]),
    ('fromJSON(\'{"a":1,"a":2}\').a', 2),
    ("fromjson('[1]')[0]", 1),
    ("fromJSON('9007199254740993') == 9007199254740992", True),
    # case
    ("case(true, 'a', 'b')", "a"),
    ("case(false, 'a', 'b')", "b"),
    ("case(false, 1, true, 2, 3)", 2),
    ("case(false, 1, false, 2, 3)", 3),
    ("case(true, null, 1)", None),
    ("case(1 == 1, words, 1)", ["a", "b", "c"]),
    ("case(true, 1, fromJSON('x'))", 1),
    ("case(false, fromJSON('x'), 2)", 2),
    ("CASE(true, 1, 'not a boolean', 2, 3)", 1),
    ("case(!absent, 'x', 'y')", "x"),
]


@pytest.mark.parametrize(("text", "value"), cases)
def test_functions(text: str, value: Value) -> None:
    result = value_of(text)
    assert result == value
    assert type(result) is type(value)


invalid = "The following format string is invalid"
short = "The following format string references more arguments than were supplied"
predicate = "case predicate must evaluate to a boolean value"
json_error = "Error parsing JSON in fromJSON"
errors = [
    ("format('{')", f"{invalid}: {{"),
    ("format('}')", invalid),
    ("format('{0', '')", invalid),
    ("format('0}', '')", invalid),
    ("format('{0}}', '')", invalid),
    ("format('{0}}}}', '')", invalid),
    ("format('{{0}', '')", invalid),
    ("format('}{0}', '')", invalid),
    ("format('{0}{', '')", invalid),
    ("format('{}', '')", invalid),
    ("format('{a}', '')", invalid),
    ("format('{-1}', '')", invalid),
    ("format('{ 0}', '')", invalid),
    ("format('{0 }', '')", invalid),
    ("format('{0:x}', '')", invalid),
    ("format('{0,5}', '')", invalid),
    ("format('{256}', '')", invalid),
    ("format('{99999999999999999999}', '')", invalid),
    ("format('{0}')", short),
    ("format('{1}', 1)", short),
    ("format('{0}{1}', 1)", short),
    ("format('{255}', 1)", short),
    ("case(1, 2, 3)", predicate),
    ("case('true', 2, 3)", predicate),
    ("case(null, 2, 3)", predicate),
    ("case(false, 1, words, 2, 3)", predicate),
    ("fromJSON('')", "fromJSON was given an empty string"),
    ("fromJSON(' ')", "fromJSON was given an empty string"),
    ("fromJSON(absent)", "fromJSON was given an empty string"),
    ("fromJSON('nope')", f"{json_error}: Expecting value at line 1, column 1"),
    ("fromJSON('[1,')", json_error),
    ("fromJSON('[1,]')", json_error),
    ("fromJSON('{a:1}')", json_error),
    ("fromJSON('1 2')", f"{json_error}: Extra data at line 1, column 3"),
    ("fromJSON('NaN')", json_error),
    ("fromJSON('Infinity')", json_error),
    ("fromJSON('''a''')", json_error),
    ("fromJSON(words)", json_error),
    ("fromJSON('\"\n\"')", json_error),
    ("fromJSON('01')", json_error),
    ("fromJSON('.5')", json_error),
    ("fromJSON('+1')", json_error),
    ("fromJSON('True')", json_error),
]


@pytest.mark.parametrize(("text", "reason"), errors)
def test_errors_say_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of(text)
    assert raised.value.kind == "evaluation"
    assert raised.value.message.startswith(reason)


@pytest.mark.parametrize("text", ["format(secret)", "fromJSON(secret)", "case(secret, 1, 2)"])
def test_no_error_contains_a_value(text: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of(text)
    assert "hunter2" not in raised.value.message


@pytest.mark.parametrize("levels", [101, 5_000, 100_000])
def test_json_that_is_nested_too_deeply_is_an_error(levels: int) -> None:
    scope = Scope({"array": "[" * levels + "]" * levels})
    with pytest.raises(ExpressionError, match="at most 100 levels"):
        evaluate(parse("fromJSON(array)", names), scope)


def test_to_json_of_a_value_that_is_nested_too_deeply_is_an_error() -> None:
    value: Value = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(ExpressionError, match="at most 100 levels"):
        evaluate(parse("toJSON(array)", names), Scope({"array": value}))


def test_a_hundred_levels_of_json_are_read_and_written() -> None:
    text = "[" * 100 + "]" * 100
    scope = Scope({"array": text})
    assert evaluate(parse("contains(toJSON(fromJSON(array)), '[]')", names), scope) is True


def test_long_numbers_in_json_are_no_trouble() -> None:
    scope = Scope({"array": "[" + "9" * 10_000 + ", 1" + "0" * 300 + "]"})
    assert evaluate(parse("join(fromJSON(array))", names), scope) == "Infinity,1E+300"


def test_half_a_surrogate_pair_is_escaped() -> None:
    scope = Scope({"array": "\ud800"})
    assert evaluate(parse("toJSON(array)", names), scope) == '"\\ud800"'
