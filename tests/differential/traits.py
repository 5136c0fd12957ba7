"""What a question consists of, and which of it the package is known to treat in its own way.

The language has no arithmetic, so that every number of an answer stands in the question: as a literal, in a context, or
in JSON text there. That is what makes it possible to tell by its question why an answer differs.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping

from libs.workflow.expressions import Value
from libs.workflow.expressions.casing import fold
from libs.workflow.expressions.values import parse_number, whitespace

Keys = tuple[str, ...]
odd_spaces = frozenset(whitespace) - frozenset(" \t\r\n") | {"\ufeff"}
_string = re.compile(r"'(?:[^']|'')*'")
_number = re.compile(r"[-+.0-9][-+.0-9a-zA-Z]*|Infinity|NaN")


def literals(expression: str) -> list[str]:
    """Strings as they are written, quotes and all."""
    return _string.findall(expression)


def outside_literals(expression: str) -> str:
    return _string.sub("''", expression)


def texts(expression: str, contexts: Mapping[str, Value]) -> Iterator[str]:
    """Every text that is there: string literals, strings of the contexts, and what JSON in either of them holds."""
    for text in (*(literal[1:-1].replace("''", "'") for literal in literals(expression)), *_strings(contexts)):
        yield text
        yield from _strings(_json(text))


def numbers(expression: str, contexts: Mapping[str, Value]) -> Iterator[float]:
    for word in _number.findall(outside_literals(expression)):
        yield parse_number(word)
    yield from _numbers(contexts)
    for text in texts(expression, contexts):
        yield from _numbers(_json(text))


def objects(expression: str, contexts: Mapping[str, Value]) -> Iterator[Keys]:
    """The keys of every object, in the order in which they are written, one twice where JSON has it twice."""
    yield from (tuple(found) for found in _each(contexts) if isinstance(found, dict))
    for text in texts(expression, contexts):
        yield from _objects_of_json(text)


def is_odd_number(number: float) -> bool:
    """Whether JavaScript and .NET's G15 write it differently: not plainly, or with more than fifteen digits."""
    if number == 0 or not math.isfinite(number):
        return False
    if not 1e-4 <= abs(number) < 1e15:
        return True
    return not float(f"{number:.15g}") == number == round(number, 15)


def has_odd_case(text: str) -> bool:
    """Whether a letter is one whose case JavaScript and .NET's ordinal comparison convert differently."""
    return not text.isascii() and any(_is_odd_letter(letter) for letter in text)


def has_odd_space(text: str) -> bool:
    return bool(odd_spaces & {text[:1], text[-1:]})


def has_separator(text: str) -> bool:
    """What .NET's JSON writer escapes, and JavaScript's does not."""
    return bool({"\x85", "\u2028", "\u2029"} & set(text))


def has_odd_prefix(text: str) -> bool:
    return re.search("0[XOBb]", text) is not None


def has_name_twice(keys: Keys) -> bool:
    return len({fold(key) for key in keys}) < len(keys)


def has_javascript_order(keys: Keys) -> bool:
    """Whether names that are whole numbers stand in front, the least first."""
    whole = [key for key in keys if key.isdecimal() and str(int(key)) == key]
    return sorted(whole, key=int) + [key for key in keys if key not in whole] == list(keys)


def has_javascript_name(keys: Keys) -> bool:
    return bool({"constructor", "__proto__"} & {key.lower() for key in keys})


ODD = (has_odd_case, has_odd_space, has_odd_prefix, has_separator)


def is_plain(text: str) -> bool:
    """Whether nothing of the above is in a text."""
    return not (
        any(any(odd(found) for odd in ODD) for found in texts("", {"": text}))
        or any(map(is_odd_number, numbers("", {"": text})))
        or not all(map(has_plain_names, objects("", {"": text})))
    )


def has_plain_names(keys: Keys) -> bool:
    return has_javascript_order(keys) and not has_name_twice(keys) and not has_javascript_name(keys)


def _is_odd_letter(letter: str) -> bool:
    if letter.isascii():
        return False
    upper, lower = letter.upper(), letter.lower()
    return fold(letter) != upper or len(lower) > 1 or upper.lower() != lower or lower.upper() != upper


def _objects_of_json(text: str) -> list[Keys]:
    found: list[Keys] = []
    try:
        json.loads(text, object_pairs_hook=lambda pairs: found.append(tuple(key for key, _ in pairs)))
    except ValueError:
        return []
    return found


def _json(text: str) -> Value:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _each(value: Value | Mapping[str, Value]) -> Iterator[Value | Mapping[str, Value]]:
    yield value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _each(item)
    elif isinstance(value, list):
        for item in value:
            yield from _each(item)


def _strings(value: Value | Mapping[str, Value]) -> Iterator[str]:
    return (found for found in _each(value) if isinstance(found, str))


def _numbers(value: Value | Mapping[str, Value]) -> Iterator[float]:
    return (found for found in _each(value) if isinstance(found, int | float) and not isinstance(found, bool))
