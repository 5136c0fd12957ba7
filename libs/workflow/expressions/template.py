"""Strings with `${{ }}` in them, and whole values made of such strings.

A string that is one expression has the expression's typed value; otherwise the values' texts are put together.
A mapping's key `${{ insert }}` puts the entries of its value, a mapping, in its place.
"""

import re
from functools import lru_cache

import msgspec

from libs.workflow.expressions.availability import Availability, everywhere
from libs.workflow.expressions.errors import ExpressionError
from libs.workflow.expressions.evaluator import Scope, bytes_per_character, evaluate, max_result_bytes
from libs.workflow.expressions.nodes import Node
from libs.workflow.expressions.parser import cached_expressions, max_cached_characters, parse
from libs.workflow.expressions.values import Value, to_string, trim, well_formed, whitespace

max_template_depth = 100
"""Levels of a value that is evaluated: far above any workflow, and a bound on recursion."""

opening = "${{"
insert_directive = "insert"

# As in GitHub's reader, quotes are only counted: `}}` ends the expression unless a quote is open. Each branch begins
# with a character of its own, so this is linear. Possessive quantifiers would say it shorter, but the `re` of Python
# 3.11.2, which is Debian 12's, matches them wrongly.
_expression = re.compile(r"\$\{\{([^'}]*(?:(?:'[^']*'|\}(?!\}))[^'}]*)*)\}\}")
_insert = re.compile(r"\s*insert(?:\s+(?P<parameters>\S.*))?\s*", re.DOTALL)


class Text(msgspec.Struct, frozen=True):
    text: str


class Expression(msgspec.Struct, frozen=True):
    """`node` is None for the `insert` directive; `offset` counts the characters before the expression's first."""

    source: str
    offset: int
    node: Node | None


class Template(msgspec.Struct, frozen=True):
    segments: tuple[Text | Expression, ...]

    @property
    def sole(self) -> Expression | None:
        """The expression, when the string is nothing else."""
        if len(self.segments) == 1 and isinstance(self.segments[0], Expression):
            return self.segments[0]
        return None

    @property
    def nodes(self) -> tuple[Node, ...]:
        expressions = (segment for segment in self.segments if isinstance(segment, Expression))
        return tuple(expression.node for expression in expressions if expression.node is not None)

    @property
    def is_insert(self) -> bool:
        return self.sole is not None and self.sole.node is None


def has_expression(text: str) -> bool:
    return opening in text


def parse_template(text: str, availability: Availability = everywhere) -> Template:
    """Raises ExpressionError, its column counted from the start of `text`."""
    if opening not in text:
        return Template((Text(text),) if text else ())
    if len(text) > max_cached_characters:
        return _parse_template(text, availability)
    return _parse_template_cached(text, availability)


@lru_cache(maxsize=cached_expressions)
def _parse_template_cached(text: str, availability: Availability) -> Template:
    return _parse_template(text, availability)


def evaluate_string(text: str, scope: Scope, availability: Availability = everywhere) -> Value:
    """The typed value of a string that is one expression, else the text with its expressions replaced.

    Raises ExpressionError, its column counted from the start of `text`, or HashFilesWanted.
    """
    if opening not in text:
        return text
    template = parse_template(text, availability)
    sole = template.sole
    if sole is not None:
        return _evaluate(sole, scope)
    pieces: list[str] = []
    used_bytes = 0
    for segment in template.segments:
        piece = segment.text if isinstance(segment, Text) else to_string(_evaluate(segment, scope))
        used_bytes += len(piece) * bytes_per_character
        if used_bytes > max_result_bytes:
            raise ExpressionError("evaluation", f"The text exceeds the maximum of {max_result_bytes} bytes", 1)
        pieces.append(piece)
    return "".join(pieces)


def evaluate_text(text: str, scope: Scope, availability: Availability = everywhere) -> str:
    """Like `evaluate_string` for a place that takes text: an array or an object is an error there."""
    value = evaluate_string(text, scope, availability)
    if isinstance(value, list | dict):
        kind = "sequence" if isinstance(value, list) else "mapping"
        raise ExpressionError("evaluation", f"A {kind} was not expected; text was (toJSON makes text of it)", 1)
    return to_string(value)


def evaluate_template(value: Value, scope: Scope, availability: Availability = everywhere) -> Value:
    """A value with every string in it evaluated, keys too. Raises as `evaluate_string`."""
    return _evaluate_value(value, scope, availability, 0)


def _evaluate_value(value: Value, scope: Scope, availability: Availability, depth: int) -> Value:
    if isinstance(value, str):
        return evaluate_string(value, scope, availability)
    if not isinstance(value, list | dict):
        return value
    if depth >= max_template_depth:
        raise ExpressionError("evaluation", f"The value has more than {max_template_depth} levels", 1)
    if isinstance(value, list):
        return [_evaluate_value(item, scope, availability, depth + 1) for item in value]
    result: dict[str, Value] = {}
    for key, item in value.items():
        evaluated = _evaluate_value(item, scope, availability, depth + 1)
        if has_expression(key) and parse_template(key, availability).is_insert:
            _insert_entries(result, evaluated)
        else:
            result[evaluate_text(key, scope, availability)] = evaluated
    return result


def _insert_entries(result: dict[str, Value], inserted: Value) -> None:
    if not isinstance(inserted, dict):
        raise ExpressionError("evaluation", f"The value of ${{{{ {insert_directive} }}}} must be a mapping", 1)
    result.update(inserted)


def _evaluate(expression: Expression, scope: Scope) -> Value:
    if expression.node is None:
        reason = f"The directive '{insert_directive}' is only allowed as the key of a mapping"
        raise ExpressionError("evaluation", reason, expression.offset + 1)
    try:
        return well_formed(evaluate(expression.node, scope))
    except ExpressionError as error:
        raise error.shifted(expression.offset) from None


def _parse_template(text: str, availability: Availability) -> Template:
    segments: list[Text | Expression] = []
    position = 0
    while (start := text.find(opening, position)) >= 0:
        match = _expression.match(text, start)
        if match is None:
            reason = "The expression is not closed: a ${{ was found, but not its closing }}"
            raise ExpressionError("parsing", reason, start + 1)
        if start > position:
            segments.append(Text(text[position:start]))
        segments.append(_parse_expression(match[1], match.start(1), availability))
        position = match.end()
    if position < len(text):
        segments.append(Text(text[position:]))
    _refuse_inline_directive(segments)
    return Template(tuple(segments))


def _parse_expression(inner: str, offset: int, availability: Availability) -> Expression:
    source = trim(inner)
    offset += len(inner) - len(inner.lstrip(whitespace))
    directive = _insert.fullmatch(source)
    if directive is not None:
        if directive["parameters"]:
            reason = f"No parameters were expected after the directive '{insert_directive}'"
            raise ExpressionError("parsing", reason, offset + 1, source)
        return Expression(source, offset, None)
    try:
        return Expression(source, offset, parse(source, availability))
    except ExpressionError as error:
        raise error.shifted(offset) from None


def _refuse_inline_directive(segments: list[Text | Expression]) -> None:
    for segment in segments:
        if isinstance(segment, Expression) and segment.node is None and len(segments) > 1:
            reason = f"The directive '{insert_directive}' is not allowed within other text"
            raise ExpressionError("parsing", reason, segment.offset + 1)
