"""Errors that evaluation is certain to give, found without values: for a linter.

GitHub reports them only when the expression runs, so that `parse` lets them pass.
"""

from collections.abc import Iterator

import msgspec

from libs.workflow.expressions.errors import ExpressionError, FunctionFailure
from libs.workflow.expressions.format_string import format_problem
from libs.workflow.expressions.functions import option_problem, predicate_problem
from libs.workflow.expressions.json_text import parse_json
from libs.workflow.expressions.nodes import Call, Literally, Node, calls_of


class Unknown(msgspec.Struct, frozen=True):
    """In place of an argument that only evaluation knows."""


_unknown = Unknown()


def foreseen_errors(node: Node) -> tuple[ExpressionError, ...]:
    """Literals that no function takes: wrong format strings and JSON, options of hashFiles, predicates of case.

    Columns count from the start of the expression.
    """
    return tuple(_errors(node))


def _errors(node: Node) -> Iterator[ExpressionError]:
    for call in calls_of(node):
        problem = _problem(call)
        if problem is not None:
            yield ExpressionError("evaluation", problem, call.column)


def _problem(call: Call) -> str | None:
    literals = [argument.value if isinstance(argument, Literally) else _unknown for argument in call.arguments]
    match call.function, literals:
        case "format", [str() as text, *rest]:
            problem = format_problem(text, len(rest))
            return problem and f"{problem}: {text}"
        case "fromJSON", [str() as text]:
            return _json_problem(text)
        case "hashFiles", [str() as option, *_]:
            return option_problem(option)
        case "case", [bool() | Unknown(), *_]:
            return None
        case "case", _:
            return predicate_problem
        case _:
            return None


def _json_problem(text: str) -> str | None:
    try:
        parse_json(text)
    except FunctionFailure as failure:
        return str(failure)
    return None
