"""The values of the language and their coercions, as GitHub's documentation and the runner's source have them.

A value is plain data: None, bool, int or float, str, list, dict. Whole numbers are kept as int for the benefit of
those who read the result; every comparison treats a number as the 64-bit float that it is on GitHub.
"""

import math
import re
from typing import Literal, TypeAlias

from libs.workflow.expressions.casing import fold, ordinal

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Kind = Literal["null", "boolean", "number", "string", "array", "object"]

whitespace = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What .NET calls white space; Python's `isspace` adds four control characters."""

_lone_surrogate = re.compile("[\ud800-\udfff]")

exact_integer_limit = 2**53
"""From here on a 64-bit float does not hold every whole number."""

_decimal = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_hexadecimal = re.compile(r"0x[0-9a-fA-F]+")
_octal = re.compile(r"0o[0-7]+")
_infinities = {"Infinity": math.inf, "+Infinity": math.inf, "-Infinity": -math.inf}


class CaseSensitive(dict[str, Value]):
    """An object whose keys are matched exactly. On Linux the `env` context is one; all others ignore case."""


class Filtered(list[Value]):
    """What `.*` makes: an array over whose items a further property or index is mapped."""


def kind_of(value: Value) -> Kind:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_truthy(value: Value) -> bool:
    """Falsy are null, false, 0, -0, NaN and ''. Arrays and objects are truthy, empty ones too."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list | dict):
        return True
    return bool(value) and value == value  # noqa: PLR0124 - only NaN differs from itself.


def trim(text: str) -> str:
    return text.strip(whitespace)


def parse_number(text: str) -> float:
    """Decimal, `0x` hexadecimal, `0o` octal or an infinity, trimmed; '' is 0, all else NaN."""
    trimmed = trim(text)
    if not trimmed:
        return 0.0
    if _decimal.fullmatch(trimmed):
        return float(trimmed)
    if _hexadecimal.fullmatch(trimmed):
        return as_float(int(trimmed, 16))
    if _octal.fullmatch(trimmed):
        return as_float(int(trimmed, 8))
    return _infinities.get(trimmed, math.nan)


def as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def normal_number(number: float) -> int | float:
    """A whole number as int where that is exact, so that 3.0 is written and compared as 3."""
    if number.is_integer() and abs(number) < exact_integer_limit:
        return int(number)
    return number


def to_number(value: Value) -> float:
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, list | dict):
        return math.nan
    return 0.0 if value is None else as_float(value)


def format_number(number: int | float) -> str:
    """.NET's "G15": at most 15 significant digits, an exponent (`1E+15`, `1E-05`) beyond 15 digits or below 0.0001."""
    value = as_float(number)
    if value == 0:
        return "0"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return f"{value:.15g}".replace("e", "E")


def to_string(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format_number(value)
    return "Array" if isinstance(value, list) else "Object"


def loosely_equal(left: Value, right: Value) -> bool:
    """Text ignoring case; arrays and objects by identity; all else as numbers, where NaN equals nothing."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right or fold(left) == fold(right)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return left is right
    if left is None and right is None:
        return True
    return to_number(left) == to_number(right)


def is_less(left: Value, right: Value) -> bool:
    """Whether `left < right`: text ordinally and ignoring case, all else as numbers; never for arrays and objects."""
    if isinstance(left, str) and isinstance(right, str):
        return ordinal(left) < ordinal(right)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return False
    return to_number(left) < to_number(right)


def property_of(target: dict[str, Value], name: str) -> tuple[bool, Value]:
    """Whether the object has the property, and its value: an exact match, else the first that differs in case only."""
    if name in target:
        return True, target[name]
    if isinstance(target, CaseSensitive):
        return False, None
    folded = fold(name)
    for key, value in target.items():
        if fold(key) == folded:
            return True, value
    return False, None


def well_formed(value: Value) -> Value:
    """The value without halves of surrogate pairs: `fromJSON` can make some, and no UTF-8 has them.

    Each becomes U+FFFD, which is what GitHub's runner writes for it.
    """
    return _mended(value) if _has_halves(value) else value


def _has_halves(value: Value) -> bool:
    waiting = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            if not current.isascii() and _lone_surrogate.search(current):
                return True
        elif isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, dict):
            waiting.extend(current)
            waiting.extend(current.values())
    return False


def _mended(value: Value) -> Value:
    if isinstance(value, str):
        return _lone_surrogate.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {str(_mended(name)): _mended(item) for name, item in value.items()}
    return value
