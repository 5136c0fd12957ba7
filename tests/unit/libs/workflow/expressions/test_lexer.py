"""Characters to tokens: what makes one symbol, and which symbol is wrong."""

import math

import pytest

from libs.workflow.expressions.errors import ExpressionError
from libs.workflow.expressions.lexer import max_expression_characters, tokenize

numbers = [
    ("0", 0),
    ("1", 1),
    ("-1", -1),
    ("+1", 1),
    ("1.5", 1.5),
    (".5", 0.5),
    ("-.5", -0.5),
    ("+.5", 0.5),
    ("5.", 5),
    ("1e3", 1000),
    ("1E3", 1000),
    ("1e+3", 1000),
    ("1.2e-2", 0.012),
    ("0xff", 255),
    ("0xFF", 255),
    ("0x0", 0),
    ("0o17", 15),
    ("0o0", 0),
    ("-0", 0),
    ("00012", 12),
    ("9007199254740991", 9007199254740991),
    ("711", 711),
    ("-9.2", -9.2),
    ("-2.99e-2", -0.0299),
    ("Infinity", math.inf),
    ("-Infinity", -math.inf),
    ("0xffffffff", 2**32 - 1),
]


@pytest.mark.parametrize(("text", "value"), numbers)
def test_numbers_are_decimal_hexadecimal_octal_or_with_an_exponent(text: str, value: float) -> None:
    [token, end] = tokenize(text)
    assert (token.kind, token.value, end.kind) == ("literal", value, "end")


def test_whole_numbers_are_integers_and_nan_is_a_number() -> None:
    assert type(tokenize("1.0")[0].value) is int
    nan = tokenize("NaN")[0].value
    assert isinstance(nan, float)
    assert math.isnan(nan)


strings = [
    ("''", ""),
    ("'a'", "a"),
    ("'it''s'", "it's"),
    ("''''", "'"),
    ("''''''", "''"),
    ("'a''b''c'", "a'b'c"),
    ("' a '", " a "),
    ("'\"'", '"'),
    ("'\n'", "\n"),
    ("'}}'", "}}"),
    ("'é'", "é"),
    ("'\\n'", "\\n"),
    ("'😀'", "😀"),
]


@pytest.mark.parametrize(("text", "value"), strings)
def test_strings_are_single_quoted_and_a_doubled_quote_is_one(text: str, value: str) -> None:
    assert tokenize(text)[0].value == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("null", None)])
def test_keywords_are_literals(text: str, value: object) -> None:
    assert tokenize(text)[0].kind == "literal"
    assert tokenize(text)[0].value is value


@pytest.mark.parametrize("text", ["True", "TRUE", "False", "Null", "NULL", "nan", "infinity", "nulls", "trueish"])
def test_keywords_in_another_case_are_names(text: str) -> None:
    assert tokenize(text)[0].kind == "name"


@pytest.mark.parametrize("text", ["true", "false", "null", "NaN", "Infinity"])
def test_a_keyword_after_a_dot_is_a_name(text: str) -> None:
    assert [token.kind for token in tokenize(f"a.{text}")] == ["name", ".", "name", "end"]


kinds = [
    ("a.b", "name . name"),
    ("a[0]", "name [ literal ]"),
    ("a.*", "name . *"),
    ("a[*]", "name [ * ]"),
    ("f(1,2)", "name ( literal , literal )"),
    ("!a", "! name"),
    ("!!a", "! ! name"),
    ("a!=b", "name != name"),
    ("a==b", "name == name"),
    ("a<b", "name < name"),
    ("a<=b", "name <= name"),
    ("a>b", "name > name"),
    ("a>=b", "name >= name"),
    ("a&&b", "name && name"),
    ("a||b", "name || name"),
    ("a-b", "name"),
    ("_a", "name"),
    ("a_b-c9", "name"),
    ("(a).b", "( name ) . name"),
    ("a[0].b", "name [ literal ] . name"),
    ("a.*.b", "name . * . name"),
    ("a ==.5", "name == literal"),
    ("(.5)", "( literal )"),
    ("f(.5,.5)", "name ( literal , literal )"),
    ("a[.5]", "name [ literal ]"),
    ("!.5", "! literal"),
    ("a\t\r\n.\u00a0b", "name . name"),
    ("1 .5", "literal literal"),
    ("a.1", "name . literal"),
    ("f().1", "name ( ) . literal"),
]


@pytest.mark.parametrize(("text", "expected"), kinds)
def test_symbols(text: str, expected: str) -> None:
    assert " ".join(token.kind for token in tokenize(text)[:-1]) == expected


def test_columns_count_from_one() -> None:
    assert [(token.text, token.column) for token in tokenize("a ==\n'b'")[:-1]] == [("a", 1), ("==", 3), ("'b'", 6)]


wrong = [
    ("foo.b@r", 5, "b@r"),
    ("@", 1, "@"),
    ("a $b", 3, "$b"),
    ('"a"', 1, '"a"'),
    ("a = b", 3, "="),
    ("a & b", 3, "&"),
    ("a | b", 3, "|"),
    ("a =b", 3, "=b"),
    ("'abc", 1, "'abc"),
    ("'it''s", 1, "'it''s"),
    ("a == '", 6, "'"),
    ("0xzz", 1, "0xzz"),
    ("0X1F", 1, "0X1F"),
    ("0o8", 1, "0o8"),
    ("0b1", 1, "0b1"),
    ("1_000", 1, "1_000"),
    ("1.2.3", 1, "1.2.3"),
    ("1a", 1, "1a"),
    ("-", 1, "-"),
    ("+", 1, "+"),
    ("-a", 1, "-a"),
    ("--1", 1, "--1"),
    (".", 1, "."),
    (".a", 1, ".a"),
    ("1e", 1, "1e"),
    ("-NaN", 1, "-NaN"),
    ("a*b", 1, "a*b"),
    ("a+b", 1, "a+b"),
    ("a/b", 1, "a/b"),
    ("a%b", 1, "a%b"),
    ("{a}", 1, "{a}"),
    ("é", 1, "é"),
    ("a;", 1, "a;"),
    ("a'b'", 1, "a'b'"),
    ("${{ a }}", 1, "${{"),
    ("a ? b : c", 3, "?"),
    ("\x00", 1, "\x00"),
    ("a\\b", 1, "a\\b"),
    ("~a", 1, "~a"),
    ("a..b", 3, ".b"),
]


@pytest.mark.parametrize(("text", "column", "symbol"), wrong)
def test_a_wrong_symbol_is_named_with_its_column(text: str, column: int, symbol: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        tokenize(text)
    assert (raised.value.kind, raised.value.column) == ("lexing", column)
    assert raised.value.reason.startswith(f"Unexpected symbol: '{symbol}'")


def test_an_expression_has_a_maximum_length() -> None:
    assert len(tokenize("1" + " " * (max_expression_characters - 1))) == 2
    with pytest.raises(ExpressionError, match="max expression length 21000") as raised:
        tokenize("1" + " " * max_expression_characters)
    assert raised.value.kind == "lexing"


def test_an_error_repeats_only_the_start_of_a_long_symbol() -> None:
    with pytest.raises(ExpressionError) as raised:
        tokenize("-" * 20_000)
    assert len(raised.value.message) < 400
