"""The `if` of a job or a step: an expression with or without `${{ }}`, and its implicit `success()`."""

from libs.workflow.expressions.availability import Availability, everywhere, status_functions
from libs.workflow.expressions.errors import ExpressionError
from libs.workflow.expressions.evaluator import Scope, evaluate
from libs.workflow.expressions.nodes import Call, Literally, Logical, Node, calls_of
from libs.workflow.expressions.parser import parse
from libs.workflow.expressions.template import Expression, Template, has_expression, parse_template
from libs.workflow.expressions.values import is_truthy, trim, whitespace


def uses_status_function(node: Node) -> bool:
    """Whether success(), failure(), cancelled() or always() is called anywhere in the expression."""
    return any(call.function in status_functions for call in calls_of(node))


def parse_condition(text: str, availability: Availability = everywhere) -> Node:
    """The condition as GitHub runs it: `success() && (...)` unless a status function is used; empty is `success()`.

    Text around `${{ }}` makes the whole a string, which is true whatever the expression gives: GitHub does so, and
    `has_literal_text` finds it. Raises ExpressionError, its column counted from the start of `text`.
    """
    succeeded = Call("success", (), 1)
    if not trim(text):
        return succeeded
    node = _parse_either(text, availability)
    return node if uses_status_function(node) else Logical("&&", (succeeded, node), 1)


def evaluate_condition(text: str, scope: Scope, availability: Availability = everywhere) -> bool:
    """Whether the job or step runs. Raises ExpressionError or HashFilesWanted."""
    return is_truthy(evaluate(parse_condition(text, availability), scope))


def has_literal_text(text: str) -> bool:
    """Whether a condition mixes text and `${{ }}`, so that it is always true: surely a mistake."""
    return has_expression(text) and parse_template(trim(text)).sole is None


def _parse_either(text: str, availability: Availability) -> Node:
    offset = len(text) - len(text.lstrip(whitespace))
    try:
        if not has_expression(text):
            return parse(trim(text), availability)
        return _whole(parse_template(trim(text), availability))
    except ExpressionError as error:
        raise error.shifted(offset) from None


def _whole(template: Template) -> Node:
    sole = template.sole
    if sole is not None and sole.node is not None:
        return sole.node
    if template.is_insert:
        raise ExpressionError("parsing", "The directive 'insert' is only allowed as the key of a mapping", 1)
    return _formatted(template)


def _formatted(template: Template) -> Node:
    """`a ${{ b }}` as GitHub reads it: `format('a {0}', b)`."""
    text = ""
    arguments: list[Node] = []
    for segment in template.segments:
        if isinstance(segment, Expression):
            if segment.node is not None:
                text += f"{{{len(arguments)}}}"
                arguments.append(segment.node)
        else:
            text += segment.text.replace("{", "{{").replace("}", "}}")
    return Call("format", (Literally(text, 1), *arguments), 1)
