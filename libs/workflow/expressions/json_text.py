"""JSON as the language reads and writes it: `fromJSON`, and `toJSON` in GitHub's layout.

The layout is two spaces a level, keys in their order, `[]` and `{}` for what is empty. Text is escaped as GitHub's
runner does it, which also escapes the separators that some readers take for the end of a line.
"""

import json
import re
from collections.abc import Callable

from libs.workflow.expressions.casing import fold
from libs.workflow.expressions.errors import FunctionFailure
from libs.workflow.expressions.values import Value, format_number, normal_number

max_json_depth = 100
"""Levels of arrays and objects that fromJSON and toJSON take: far above any payload, far below Python's own limit."""

_escaped_separators = re.compile("[\x85\u2028\u2029\ud800-\udfff]")


def parse_json(text: str) -> Value:
    """Raises FunctionFailure that says where the text stops being JSON, but not what it contains."""
    if not text.strip():
        raise FunctionFailure("fromJSON was given an empty string, which is not JSON")
    try:
        value: Value = json.loads(
            text,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_reject_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise FunctionFailure(f"Error parsing JSON in fromJSON: {error.msg} at {where} of the string") from None
    except RecursionError:
        raise _too_deep("fromJSON") from None
    if text.count("[") + text.count("{") > max_json_depth and _is_deeper(value, max_json_depth):
        raise _too_deep("fromJSON")
    return value


def json_text(value: Value, charge: Callable[[int], None]) -> str:
    """The pretty-printed text; `charge` is told of every piece before it is kept."""
    pieces: list[str] = []

    def write(piece: str) -> None:
        charge(len(piece))
        pieces.append(piece)

    _write(value, "\n", write)
    return "".join(pieces)


def _write(value: Value, line: str, write: Callable[[str], None]) -> None:
    if isinstance(value, list | dict):
        _write_collection(value, line, write)
    elif isinstance(value, str):
        write(json_string(value))
    elif value is None:
        write("null")
    elif isinstance(value, bool):
        write("true" if value else "false")
    else:
        write(format_number(value))


def _write_collection(value: list[Value] | dict[str, Value], line: str, write: Callable[[str], None]) -> None:
    opening, closing = ("[", "]") if isinstance(value, list) else ("{", "}")
    if not value:
        write(opening + closing)
        return
    if len(line) > 2 * max_json_depth:
        raise _too_deep("toJSON")
    deeper = line + "  "
    separator = opening
    if isinstance(value, list):
        for item in value:
            write(separator + deeper)
            _write(item, deeper, write)
            separator = ","
    else:
        for key, item in value.items():
            write(separator + deeper + json_string(key) + ": ")
            _write(item, deeper, write)
            separator = ","
    write(line + closing)


def json_string(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    if written.isascii():
        return written
    return _escaped_separators.sub(_escape, written)


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _number(digits: str) -> int | float:
    return normal_number(float(digits))


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    """Of names that differ in case only the first stays, as on GitHub: properties ignore case."""
    written = dict(pairs)
    folded: set[str] = set()
    for name in list(written):
        if (key := fold(name)) in folded:
            del written[name]
        folded.add(key)
    return written


def _reject_constant(name: str) -> Value:
    raise FunctionFailure(f"Error parsing JSON in fromJSON: {name} is not a JSON value")


def _is_deeper(value: Value, limit: int) -> bool:
    waiting = [(value, 0)]
    while waiting:
        current, depth = waiting.pop()
        if isinstance(current, list | dict):
            if depth >= limit:
                return True
            items = current if isinstance(current, list) else current.values()
            waiting.extend((item, depth + 1) for item in items)
    return False


def _too_deep(function: str) -> FunctionFailure:
    return FunctionFailure(f"{function} takes at most {max_json_depth} levels of arrays and objects")
