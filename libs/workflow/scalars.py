"""Which type a plain YAML scalar has: YAML 1.2's core schema, as GitHub reads it.

``on``, ``yes`` and ``no`` are strings here (they are booleans in YAML 1.1, which most libraries read); ``1:30`` is no
number of base 60 and ``2026-01-01`` no date. It knows nothing of quoting: only unquoted scalars are asked about.
"""

import re

from libs.workflow.nodes import ScalarValue

_first_characters = frozenset("0123456789+-.~nNtTfF")
_words: dict[str, ScalarValue] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    ".inf": float("inf"), ".Inf": float("inf"), ".INF": float("inf"),
    "+.inf": float("inf"), "+.Inf": float("inf"), "+.INF": float("inf"),
    "-.inf": float("-inf"), "-.Inf": float("-inf"), "-.INF": float("-inf"),
    ".nan": float("nan"), ".NaN": float("nan"), ".NAN": float("nan"),
}  # fmt: skip
_decimal = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?P<exponent>[eE][-+]?[0-9]+)?")
_octal = re.compile(r"0o[0-7]+")
_hexadecimal = re.compile(r"0x[0-9a-fA-F]+")

number_characters = (
    400  # More digits than any double needs; a longer run of digits is text that nobody means as a number.
)
exact_integer_limit = 2**53  # GitHub's numbers are doubles: beyond this an integer is one too.


def resolve(text: str) -> ScalarValue:
    """The value of an unquoted scalar."""
    if text and text[0] not in _first_characters:
        return text
    if text in _words:
        return _words[text]
    if len(text) > number_characters:
        return text
    return _number(text)


kinds = ("int", "float", "bool", "null")
"""Of the core schema, by the names of their tags; all else is a string."""


def is_kind(kind: str, value: ScalarValue, text: str) -> bool:
    """Whether an unquoted scalar, resolved to ``value``, is one of ``kinds``. A whole number is a float, too."""
    match kind:
        case "null":
            return value is None
        case "bool":
            return isinstance(value, bool)
        case _ if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        case "float":
            return True
        case _:
            return text[:2] == "0x" or not any(character in text for character in ".eEnN")


def _number(text: str) -> ScalarValue:
    if found := _decimal.fullmatch(text):
        if "." in text or found["exponent"] is not None:
            return float(text)
        return _bounded(int(text))
    if _octal.fullmatch(text):
        return _bounded(int(text[2:], 8))
    if _hexadecimal.fullmatch(text):
        return _bounded(int(text[2:], 16))
    return text


def _bounded(number: int) -> int | float:
    if abs(number) <= exact_integer_limit:
        return number
    return float(number)
