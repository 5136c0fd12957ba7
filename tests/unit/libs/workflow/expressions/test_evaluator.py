"""Trees to values: operators, access, filters, names, bounds."""

import math

import pytest

from libs.workflow.expressions import ExpressionError, HashFilesWanted, Scope, Status, Value, evaluate, parse
from libs.workflow.expressions.availability import Availability, special_functions

contexts: dict[str, Value] = {
    "github": {"ref": "refs/heads/main", "event": {"labels": [{"name": "bug"}, {"name": "help wanted"}, {"id": 3}]}},
    "steps": {"a": {"outputs": {"x": "1"}}, "b": {"outputs": {"x": "2", "y": "3"}}},
    "matrix": {"os": "linux", "n": 3, "list": [1, [2, 3], {"k": "v"}], "empty": "", "Mixed-Case": True, "true": "t"},
    "nothing": None,
    "text": "abc",
    "array": ["a", "b", ["c", ["d"]]],
    "table": [[1, 2], [3], [], {"0": "zero"}],
}
names = Availability("", (*contexts, "absent"), special_functions)


def value_of(text: str, **scope: object) -> Value:
    return evaluate(parse(text, names), Scope(contexts, **scope))  # type: ignore[arg-type]


cases: list[tuple[str, Value]] = [
    # Access to properties and items.
    ("github.ref", "refs/heads/main"),
    ("github['ref']", "refs/heads/main"),
    ("GITHUB.REF", "refs/heads/main"),
    ("github['REF']", "refs/heads/main"),
    ("github.missing", None),
    ("github.missing.deeper", None),
    ("text.x", None),
    ("nothing.x", None),
    ("absent", None),
    ("absent.x.y", None),
    ("matrix.n.x", None),
    ("matrix.mixed-case", True),
    ("matrix.true", "t"),
    ("matrix[true]", "t"),
    ("array[0]", "a"),
    ("array[1]", "b"),
    ("array[2][1][0]", "d"),
    ("array[3]", None),
    ("array[-1]", None),
    ("array['0']", "a"),
    ("array['1']", "b"),
    ("array['x']", None),
    ("array[0.9]", "a"),
    ("array[1.5]", "b"),
    ("array[true]", "b"),
    ("array[false]", "a"),
    ("array[null]", "a"),
    ("array['']", "a"),
    ("array[NaN]", None),
    ("array[Infinity]", None),
    ("array[1e300]", None),
    ("array.length", None),
    ("array[array]", None),
    ("github[array]", None),
    ("github[github]", None),
    ("array['0x1']", "b"),
    ("table[3][0]", "zero"),
    ("table[3]['0']", "zero"),
    ("text[0]", None),
    ("matrix[matrix.missing]", None),
    ("steps[format('{0}', 'a')].outputs.x", "1"),
    ("matrix['o' ]", None),
    ("(github).ref", "refs/heads/main"),
    ('fromJSON(\'{"a": [1, {"b": 2}]}\').a[1].b', 2),
    ("matrix[null]", None),
    ("matrix['']", None),
    # Filters.
    ("github.event.labels.*.name", ["bug", "help wanted"]),
    ("github.event.labels[*].name", ["bug", "help wanted"]),
    ("github.event.labels.*.id", [3]),
    ("github.event.labels.*.zzz", []),
    ("steps.*.outputs.x", ["1", "2"]),
    ("steps.*.outputs.*", ["1", "2", "3"]),
    ("steps.*.outputs.y", ["3"]),
    ("matrix.list.*", [1, [2, 3], {"k": "v"}]),
    ("matrix.list.*.k", ["v"]),
    ("matrix.list.*.*", [2, 3, "v"]),
    ("table.*[0]", [1, 3, "zero"]),
    ("table.*[1]", [2]),
    ("table.*.*", [1, 2, 3, "zero"]),
    ("text.*", []),
    ("nothing.*", []),
    ("absent.*.x", []),
    ("github.ref.*", []),
    ("github.event.labels.*[0]", []),
    ("table.*['0']", [1, 3, "zero"]),
    ("(github.event.labels.*).name", ["bug", "help wanted"]),
    ("github.event.labels.*.NAME", ["bug", "help wanted"]),
    ("steps.*[array]", []),
    ("array.*", ["a", "b", ["c", ["d"]]]),
    ("steps.*.outputs", [{"x": "1"}, {"x": "2", "y": "3"}]),
    ("table.*[-1]", []),
    ("array.*[1]", [["d"]]),
    # && and || give operands.
    ("1 && 2", 2),
    ("0 && 2", 0),
    ("'' && 2", ""),
    ("null && 2", None),
    ("1 || 2", 1),
    ("0 || 2", 2),
    ("'' || null", None),
    ("false || 'x'", "x"),
    ("1 && 2 && 3", 3),
    ("1 && 0 && 3", 0),
    ("0 || '' || 3", 3),
    ("0 || '' || false", False),
    ("true && 'yes' || 'no'", "yes"),
    ("false && 'yes' || 'no'", "no"),
    ("true && '' || 'no'", "no"),
    ("github.ref == 'refs/heads/main' && 'prod' || 'dev'", "prod"),
    ("array && 1", 1),
    ("array || 1", contexts["array"]),
    ("fromJSON('{}') && 1", 1),
    ("fromJSON('[]') || 1", []),
    ("absent || 'default'", "default"),
    # Not.
    ("!true", False),
    ("!false", True),
    ("!null", True),
    ("!0", True),
    ("!1", False),
    ("!''", True),
    ("!'a'", False),
    ("!NaN", True),
    ("!array", False),
    ("!!1", True),
    ("!!''", False),
    ("!absent", True),
    ("!'false'", False),
    # Comparison.
    ("1 == 1", True),
    ("1 == 2", False),
    ("1 != 2", True),
    ("'a' == 'A'", True),
    ("'a' != 'A'", False),
    ("1 == '1'", True),
    ("true == 1", True),
    ("true == '1'", True),
    ("true == 'true'", False),
    ("null == ''", True),
    ("null == 0", True),
    ("null == false", True),
    ("'' == 0", True),
    ("'abc' == 0", False),
    ("NaN == NaN", False),
    ("NaN != NaN", True),
    ("array == array", True),
    ("fromJSON('[]') == fromJSON('[]')", False),
    ("array != array", False),
    ("array == 'Array'", False),
    ("github == github", True),
    ("array[2] == array[2]", True),
    ("1 < 2", True),
    ("2 < 1", False),
    ("1 <= 1", True),
    ("1 >= 1", True),
    ("2 > 1", True),
    ("'a' < 'b'", True),
    ("'a' < 'B'", True),
    ("'B' > 'a'", True),
    ("'a' <= 'A'", True),
    ("'a' >= 'A'", True),
    ("'10' < '9'", True),
    ("10 < '9'", False),
    ("NaN < 1", False),
    ("NaN >= NaN", False),
    ("null < 1", True),
    ("null <= 0", True),
    ("null >= null", True),
    ("array < array", False),
    ("array <= array", True),
    ("array >= array", True),
    ("github > github", False),
    ("'a' < 1", False),
    ("'a' >= 1", False),
    ("true > false", True),
    ("1 < 2 == true", True),
    ("-1 < 0", True),
    ("0xff == 255", True),
    ("1.0 == 1", True),
    ("Infinity > 1e308", True),
    ("-Infinity < -1e308", True),
    ("Infinity == 'Infinity'", True),
    ("' 12 ' == 12", True),
    ("matrix.n >= '3'", True),
    ("absent == ''", True),
    ("absent == null", True),
    ("matrix.empty == null", True),
    ("1 == 1 == true", True),
    # Literals.
    ("null", None),
    ("true", True),
    ("-9.2", -9.2),
    ("0xff", 255),
    ("-2.99e-2", -0.0299),
    ("'It''s open source!'", "It's open source!"),
    ("Infinity", math.inf),
    ("array", contexts["array"]),
]


@pytest.mark.parametrize(("text", "value"), cases)
def test_rules(text: str, value: Value) -> None:
    result = value_of(text)
    assert result == value
    assert type(result) is type(value)


def test_a_filtered_array_ends_with_its_expression() -> None:
    """Stored and read again, it is an array like others: `.name` on it is null."""
    filtered = value_of("github.event.labels.*")
    again = Scope({"array": filtered})
    assert evaluate(parse("array.name", names), again) is None


def test_operands_that_do_not_decide_are_not_evaluated() -> None:
    assert value_of("false && fromJSON('x')") is False
    assert value_of("true || fromJSON('x')") is True
    assert value_of("nothing[fromJSON('x')]") is None


status_cases = [
    (Status(), [True, False, False, True]),
    (Status(success=False, failure=True), [False, True, False, True]),
    (Status(success=False, cancelled=True), [False, False, True, True]),
]


@pytest.mark.parametrize(("status", "answers"), status_cases)
def test_status_functions_follow_the_status(status: Status, answers: list[bool]) -> None:
    functions = ("success()", "failure()", "cancelled()", "Always()")
    assert [value_of(text, status=status) for text in functions] == answers


def test_status_functions_with_names_of_jobs() -> None:
    status = Status(success=False, failure=True, results={"build": "success", "Test": "failure", "skip": "skipped"})

    def answer(text: str) -> bool:
        function, _, arguments = text.partition(" ")
        assert function in ("success", "failure")
        return status.answer("success" if function == "success" else "failure", arguments.split())

    assert answer("success build")
    assert answer("success BUILD")
    assert not answer("success build test")
    assert not answer("success skip")
    assert not answer("success unknown")
    assert answer("failure build test")
    assert not answer("failure build skip")


def test_hash_files_asks_for_a_hash_and_then_uses_it() -> None:
    text = "format('k-{0}', hashFiles('**/a.lock', matrix.os))"
    with pytest.raises(HashFilesWanted) as wanted:
        value_of(text)
    assert wanted.value.patterns == ("**/a.lock", "linux")
    assert wanted.value.column == 17
    assert not isinstance(wanted.value, ExpressionError)
    assert value_of(text, hashes={wanted.value.patterns: "abc"}) == "k-abc"


def test_an_error_of_evaluation_has_the_column_of_its_call() -> None:
    with pytest.raises(ExpressionError) as raised:
        value_of("true && fromJSON(text)")
    assert (raised.value.kind, raised.value.column) == ("evaluation", 9)


def test_results_are_bounded() -> None:
    long = "x" * 3_000_000
    scope = Scope({"long": long, "items": [long, long]})
    known = Availability("", ("long", "items"))
    assert evaluate(parse("format('{0}', long)", known), scope) == long
    for text in ("format('{0}{0}', long)", "join(items)", "toJSON(items)"):
        with pytest.raises(ExpressionError, match="maximum allowed memory") as raised:
            evaluate(parse(text, known), scope)
        assert raised.value.kind == "evaluation"


def test_one_expression_cannot_ask_for_many_large_results() -> None:
    scope = Scope({"long": "x" * 5_000_000})
    text = " && ".join(["format('{0}', long)"] * 20)
    with pytest.raises(ExpressionError, match="maximum allowed memory"):
        evaluate(parse(text, Availability("", ("long",))), scope)
