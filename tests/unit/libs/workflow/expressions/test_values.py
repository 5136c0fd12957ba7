"""Coercions: truth, numbers, text, equality, order."""

import math

import pytest

from libs.workflow.expressions.casing import fold, ordinal
from libs.workflow.expressions.values import (
    CaseSensitive,
    Value,
    format_number,
    is_less,
    is_truthy,
    kind_of,
    loosely_equal,
    parse_number,
    property_of,
    to_number,
    to_string,
)

nan, infinity = math.nan, math.inf
an_array: Value = [1]
an_object: Value = {"a": 1}


@pytest.mark.parametrize("value", [None, False, 0, -0.0, 0.0, nan, ""])
def test_falsy(value: Value) -> None:
    assert not is_truthy(value)


@pytest.mark.parametrize("value", [True, 1, -1, 0.1, infinity, "0", "false", " ", "null", [], {}, [1], {"a": 1}])
def test_truthy(value: Value) -> None:
    assert is_truthy(value)


kinds: list[tuple[Value, str]] = [
    (None, "null"),
    (True, "boolean"),
    (0, "number"),
    (0.5, "number"),
    ("", "string"),
    ([], "array"),
    ({}, "object"),
]


@pytest.mark.parametrize(("value", "kind"), kinds)
def test_kinds(value: Value, kind: str) -> None:
    assert kind_of(value) == kind


numbers = [
    ("", 0),
    (" ", 0),
    ("\t\n", 0),
    ("1", 1),
    (" 1 ", 1),
    ("\u00a01\u3000", 1),
    ("-1", -1),
    ("+1", 1),
    ("1.5", 1.5),
    (".5", 0.5),
    ("5.", 5),
    ("1e2", 100),
    ("1E-2", 0.01),
    ("0xff", 255),
    ("0xFf", 255),
    ("0o17", 15),
    ("00", 0),
    ("Infinity", infinity),
    ("-Infinity", -infinity),
    ("+Infinity", infinity),
    (" Infinity ", infinity),
    ("1e999", infinity),
    ("-1e999", -infinity),
    ("0x" + "f" * 400, infinity),
]


@pytest.mark.parametrize(("text", "number"), numbers)
def test_text_that_is_a_number(text: str, number: float) -> None:
    assert parse_number(text) == number


not_numbers = [
    "a",
    "1a",
    "1 2",
    "0x",
    "0xg",
    "0o",
    "0o8",
    "0b1",
    "0X1",
    "-0x1",
    "1_0",
    "1,0",
    "infinity",
    "INFINITY",
    "nan",
    "NaN",
    "true",
    "null",
    "--1",
    "+-1",
    "e1",
    ".",
    "1e",
    "1e+",
    "1.2.3",
    "\u0661",
    "½",
    "1\x1c",
    "'1'",
    "0x1.8",
]


@pytest.mark.parametrize("text", not_numbers)
def test_text_that_is_no_number_is_nan(text: str) -> None:
    assert math.isnan(parse_number(text))


def test_other_kinds_as_numbers() -> None:
    assert [to_number(None), to_number(False), to_number(True), to_number(2.5)] == [0, 0, 1, 2.5]
    assert math.isnan(to_number([]))
    assert math.isnan(to_number({}))
    assert to_number(10**400) == infinity


written = [
    (0, "0"),
    (-0.0, "0"),
    (1, "1"),
    (-1, "-1"),
    (1.0, "1"),
    (1.5, "1.5"),
    (0.5, "0.5"),
    (123456.789, "123456.789"),
    (0.1 + 0.2, "0.3"),
    (0.84551240822557006, "0.84551240822557"),
    (1 / 3, "0.333333333333333"),
    (2 / 3, "0.666666666666667"),
    (123456789012345, "123456789012345"),
    (999999999999999, "999999999999999"),
    (1e15, "1E+15"),
    (10**15, "1E+15"),
    (1234567890123456, "1.23456789012346E+15"),
    (1e21, "1E+21"),
    (1.5e300, "1.5E+300"),
    (0.0001, "0.0001"),
    (0.00001, "1E-05"),
    (1.5e-7, "1.5E-07"),
    (5e-324, "4.94065645841247E-324"),
    (-1e20, "-1E+20"),
    (nan, "NaN"),
    (infinity, "Infinity"),
    (-infinity, "-Infinity"),
    (10**400, "Infinity"),
    (99999999999999.99, "100000000000000"),
]


@pytest.mark.parametrize(("number", "text"), written)
def test_numbers_are_written_with_fifteen_digits(number: float, text: str) -> None:
    assert format_number(number) == text


texts: list[tuple[Value, str]] = [
    (None, ""),
    (True, "true"),
    (False, "false"),
    ("a", "a"),
    ([], "Array"),
    ([1], "Array"),
    ({}, "Object"),
    (1.0, "1"),
]


@pytest.mark.parametrize(("value", "text"), texts)
def test_text_of_other_kinds(value: Value, text: str) -> None:
    assert to_string(value) == text


equal: list[tuple[Value, Value]] = [
    (None, None),
    (None, False),
    (None, 0),
    (None, ""),
    (None, " "),
    (False, 0),
    (True, 1),
    (True, "1"),
    (False, ""),
    (False, "0"),
    (1, "1"),
    (1, " 1 "),
    (1, "0x1"),
    (8, "0o10"),
    (100, "1e2"),
    ("a", "A"),
    ("É", "é"),
    ("", ""),
    (0, ""),
    (0, -0.0),
    (1, 1.0),
    (infinity, "Infinity"),
    ("ǆ", "Ǆ"),
    ("ПРИВЕТ", "привет"),
    (an_array, an_array),
    (an_object, an_object),
    (2**53, 2**53 + 1),
]


@pytest.mark.parametrize(("left", "right"), equal)
def test_loosely_equal(left: Value, right: Value) -> None:
    assert loosely_equal(left, right)
    assert loosely_equal(right, left)


different: list[tuple[Value, Value]] = [
    (nan, nan),
    (nan, 0),
    (nan, None),
    ("NaN", nan),
    ("a", "b"),
    ("a", ""),
    ("1", "1.0"),
    (1, "a"),
    (True, "true"),
    (False, "false"),
    (None, "null"),
    (None, "a"),
    ([], []),
    ([1], [1]),
    ({}, {}),
    ([], {}),
    ([], ""),
    ([], 0),
    ({}, None),
    ([], False),
    ("Array", []),
    (True, 2),
    ("ß", "SS"),
    ("\u0131", "I"),
    ("\u0131", "i"),
    ("\u017f", "S"),
    (0, nan),
]


@pytest.mark.parametrize(("left", "right"), different)
def test_not_loosely_equal(left: Value, right: Value) -> None:
    assert not loosely_equal(left, right)
    assert not loosely_equal(right, left)


less: list[tuple[Value, Value]] = [
    (1, 2),
    (-1, 0),
    (1, "2"),
    ("1", 2),
    (False, True),
    (None, 1),
    (None, True),
    (False, 1),
    ("a", "b"),
    ("a", "B"),
    ("A", "b"),
    ("", "a"),
    ("10", "9"),
    (1, infinity),
    (-infinity, 0),
    ("-1", None),
    ("-1", False),
    ("Z", "_"),
    ("z", "_"),
    ("a", "é"),
    ("\U00010000", "\uffff"),
]


@pytest.mark.parametrize(("left", "right"), less)
def test_less(left: Value, right: Value) -> None:
    assert is_less(left, right)
    assert not is_less(right, left)


unordered: list[tuple[Value, Value]] = [
    (nan, 1),
    (nan, nan),
    ("a", 1),
    ([], []),
    ([], 1),
    ({}, {}),
    (an_array, an_array),
    (an_object, an_object),
    ("a", None),
    ("a", "A"),
    (1, 1),
    (None, ""),
    (True, "1"),
    (True, [1]),
]


@pytest.mark.parametrize(("left", "right"), unordered)
def test_neither_is_less(left: Value, right: Value) -> None:
    assert not is_less(left, right)
    assert not is_less(right, left)


def test_properties_ignore_case_but_an_exact_match_wins() -> None:
    assert property_of({"A": 1, "a": 2}, "a") == (True, 2)
    assert property_of({"A": 1, "a": 2}, "A") == (True, 1)
    assert property_of({"Abc": 1, "aBC": 2}, "ABC") == (True, 1)
    assert property_of({"a": 1}, "b") == (False, None)
    assert property_of({"a": None}, "A") == (True, None)


def test_a_case_sensitive_object_matches_exactly() -> None:
    assert property_of(CaseSensitive({"A": 1}), "a") == (False, None)
    assert property_of(CaseSensitive({"A": 1}), "A") == (True, 1)


def test_folding_maps_each_character_by_itself() -> None:
    assert fold("straße \u0131 \u017f é") == "STRAßE \u0131 \u017f É"
    assert fold("\ufb00 ŉ") == "\ufb00 ŉ"
    assert ordinal("a") < ordinal("B")
