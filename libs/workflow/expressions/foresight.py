"""Errors that evaluation is certain to give, found without values: for a linter.

GitHub reports them only when the expression runs, so that `parse` lets them pass.
"""

from collections.abc import Iterator

from libs.workflow.expressions.errors import ExpressionError, FunctionFailure
from libs.workflow.expressions.format_string import format_problem
from libs.workflow.expressions.json_text import parse_json
from libs.workflow.expressions.nodes import Call, Literally, Node, calls_of


def foreseen_errors(node: Node) -> tuple[ExpressionError, ...]:
    """Literal format strings and literal JSON that are wrong; columns count from the start of the expression."""
    return tuple(_errors(node))


def _errors(node: Node) -> Iterator[ExpressionError]:
    for call in calls_of(node):
        first = call.arguments[0] if call.arguments else None
        if isinstance(first, Literally) and isinstance(first.value, str):
            problem = _problem(call, first.value)
            if problem is not None:
                yield ExpressionError("evaluation", problem, call.column)


def _problem(call: Call, text: str) -> str | None:
    if call.function == "format":
        problem = format_problem(text, len(call.arguments) - 1)
        return problem and f"{problem}: {text}"
    if call.function == "fromJSON":
        try:
            parse_json(text)
        except FunctionFailure as failure:
            return str(failure)
    return None
