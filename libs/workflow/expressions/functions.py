"""The functions of the language: their names, how many arguments they take, and what they answer.

Arguments are evaluated when a function asks for them, as in GitHub's runner: `case` evaluates only the branch that it
takes. `hashFiles` and the status functions are asked of the scope; nothing here reads a file.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from libs.workflow.expressions.casing import fold
from libs.workflow.expressions.errors import FunctionFailure
from libs.workflow.expressions.format_string import format_problem, parse_format
from libs.workflow.expressions.json_text import json_text, parse_json
from libs.workflow.expressions.values import Value, loosely_equal, to_string

max_arguments = 255
"""GitHub's limit for the functions that take any number of arguments."""

unlimited_arguments = 1_000_000
"""`case`, and success and failure of jobs, have no limit; the length of an expression bounds them long before this."""


predicate_problem = "case predicate must evaluate to a boolean value"

follow_links_option = "--follow-symbolic-links"
"""The one option of hashFiles; whoever hashes the files meets it as the first of the patterns."""


class Arguments(Protocol):
    """The arguments of one call, each evaluated when it is asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Value: ...

    def literal(self, index: int) -> str | None:
        """The argument's text, when it is a string written out in the expression: that may be shown in an error."""
        ...

    def charge(self, characters: int) -> None:
        """Count what a result takes; raises FunctionFailure beyond the bound."""
        ...


class Function(msgspec.Struct, frozen=True):
    """`implementation` is None where the scope answers: status functions and hashFiles."""

    name: str
    minimum: int
    maximum: int
    implementation: Callable[[Arguments], Value] | None = None


def contains(arguments: Arguments) -> Value:
    """Text within text, or an item of an array by loose equality; false for an object."""
    searched, item = arguments[0], arguments[1]
    if isinstance(searched, list):
        return any(loosely_equal(candidate, item) for candidate in searched)
    if isinstance(searched, dict) or isinstance(item, list | dict):
        return False
    return fold(to_string(item)) in fold(to_string(searched))


def starts_with(arguments: Arguments) -> Value:
    text, start = arguments[0], arguments[1]
    if isinstance(text, list | dict) or isinstance(start, list | dict):
        return False
    return fold(to_string(text)).startswith(fold(to_string(start)))


def ends_with(arguments: Arguments) -> Value:
    text, end = arguments[0], arguments[1]
    if isinstance(text, list | dict) or isinstance(end, list | dict):
        return False
    return fold(to_string(text)).endswith(fold(to_string(end)))


def format_text(arguments: Arguments) -> Value:
    """`{N}` replaced by the argument's text; an argument that is not referenced is not evaluated."""
    text = to_string(arguments[0])
    count = len(arguments) - 1
    problem = format_problem(text, count)
    if problem is not None:
        literal = arguments.literal(0)
        raise FunctionFailure(problem if literal is None else f"{problem}: {literal}")
    texts: dict[int, str] = {}
    result: list[str] = []
    for piece in parse_format(text) or ():
        if isinstance(piece, int) and piece not in texts:
            texts[piece] = to_string(arguments[piece + 1])
        written = texts[piece] if isinstance(piece, int) else piece
        arguments.charge(len(written))
        result.append(written)
    return "".join(result)


def join(arguments: Arguments) -> Value:
    """The items' texts with a separator, `,` unless given; a single value is its text; an object is ''."""
    items = arguments[0]
    if isinstance(items, dict):
        return ""
    if not isinstance(items, list):
        return to_string(items)
    separator = ","
    if len(arguments) > 1 and len(items) > 1:
        given = arguments[1]
        separator = separator if isinstance(given, list | dict) else to_string(given)
    texts: list[str] = []
    for item in items:
        texts.append(to_string(item))
        arguments.charge(len(texts[-1]) + len(separator))
    return separator.join(texts)


def to_json(arguments: Arguments) -> Value:
    return json_text(arguments[0], arguments.charge)


def from_json(arguments: Arguments) -> Value:
    return parse_json(to_string(arguments[0]))


def case(arguments: Arguments) -> Value:
    """The value after the first predicate that is true, else the last argument."""
    for index in range(0, len(arguments) - 1, 2):
        predicate = arguments[index]
        if not isinstance(predicate, bool):
            raise FunctionFailure(predicate_problem)
        if predicate:
            return arguments[index + 1]
    return arguments[len(arguments) - 1]


def option_problem(first_pattern: str) -> str | None:
    """What is wrong with the first argument of hashFiles."""
    if not first_pattern.startswith("--") or first_pattern.lower() == follow_links_option:
        return None
    return f"hashFiles knows no other option than {follow_links_option}"


functions: dict[str, Function] = {
    function.name.lower(): function
    for function in (
        Function("contains", 2, 2, contains),
        Function("startsWith", 2, 2, starts_with),
        Function("endsWith", 2, 2, ends_with),
        Function("format", 1, max_arguments, format_text),
        Function("join", 1, 2, join),
        Function("toJSON", 1, 1, to_json),
        Function("fromJSON", 1, 1, from_json),
        Function("case", 3, unlimited_arguments, case),
        Function("always", 0, 0),
        Function("cancelled", 0, 0),
        Function("success", 0, 0),
        Function("failure", 0, 0),
        Function("hashFiles", 1, max_arguments),
    )
}
"""By lower-cased name: names of functions ignore case."""
