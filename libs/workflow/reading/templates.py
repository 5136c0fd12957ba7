"""Expressions inside scalars: parsed for their key, their errors and doubtful references placed in the file.

The expression language itself is ``libs.workflow.expressions``; this only carries its columns over to the file's lines.
"""

from functools import lru_cache

from libs.workflow.expressions import (
    ExpressionError,
    availability_of,
    doubtful_properties,
    foreseen_errors,
    has_expression,
    has_literal_text,
    parse,
    parse_condition,
    parse_template,
)
from libs.workflow.expressions.parser import cached_expressions, max_cached_characters
from libs.workflow.expressions.template import Expression, Template
from libs.workflow.nodes import Document, Scalar
from libs.workflow.problems import KeyPath, Problems
from libs.workflow.reading.locations import locate
from libs.workflow.reading.scope import Reference, Scope, references

errors_in_scalar = 10  # After each one the rest is parsed again, which a long hostile scalar would make costly.


class ExpressionChecker:
    """Checks the expressions of one file's scalars, at a place where ``scope`` is known."""

    def __init__(self, document: Document, problems: Problems, scope: Scope) -> None:
        self._document = document
        self._problems = problems
        self._scope = scope

    def check_name(self, scalar: Scalar, key: str, path: KeyPath) -> bool:
        """The same for the key of a mapping, which may also be the directive ``insert``."""
        return bool(key and is_insert(scalar.text)) or self.check_template(scalar, key, path)

    def check_template(self, scalar: Scalar, key: str, path: KeyPath) -> bool:
        """Whether every expression of a scalar may stand under ``key`` ("" allows none). All errors are noted.

        After an error it goes on behind that expression's end, so that one scalar shows all of its errors.
        """
        if not key:
            self._add(scalar, scalar.text.find("${{"), "an expression is not allowed here", path)
            return False
        availability = availability_of(key)
        start = 0
        errors = 0
        while True:
            try:
                template = parse_template(scalar.text[start:], availability)
            except ExpressionError as error:
                errors += 1
                at = start + error.column - 1
                self._add(scalar, at, error.reason, path)
                closing = scalar.text.find("}}", at)
                if closing < 0 or errors >= errors_in_scalar:
                    return False
                start = closing + 2
            else:
                return self._check_segments(scalar, template, key, start, path) and not errors

    def check_condition(self, scalar: Scalar, key: str, path: KeyPath) -> bool:
        """The same for an ``if``, which is an expression with or without ``${{ }}``."""
        text = scalar.text
        if has_expression(text) and not self.check_template(scalar, key, path):
            return False
        try:
            parse_condition(text, availability_of(key))
        except ExpressionError as error:
            self._add(scalar, error.column - 1, error.reason, path)
            return False
        if has_literal_text(text):
            self._warn(scalar, 0, "text around `${{ }}` makes this always true; put all of it inside the braces", path)
        elif not has_expression(text) and text.strip():
            self._warn_doubtful(scalar, text.strip(), key, len(text) - len(text.lstrip()), path)
        return True

    def _check_segments(self, scalar: Scalar, template: Template, key: str, start: int, path: KeyPath) -> bool:
        for segment in template.segments:
            if isinstance(segment, Expression):
                if segment.node is None:
                    self._add(scalar, start + segment.offset, "`insert` is only allowed as the key of a mapping", path)
                    return False
                self._warn_doubtful(scalar, segment.source, key, start + segment.offset, path)
        return True

    def _warn_doubtful(self, scalar: Scalar, source: str, key: str, offset: int, path: KeyPath) -> None:
        """Of an expression that is sound: unknown names and properties, what is sure to fail."""
        named, complaints = _remarks(source, key) if len(source) <= max_cached_characters else _remark(source, key)
        for context, name, column in named:
            complaint = self._scope.complaint(context, name)
            if complaint is not None:
                self._warn(scalar, offset + column - 1, complaint, path)
        for column, complaint in complaints:
            self._warn(scalar, offset + column - 1, complaint, path)

    def _add(self, scalar: Scalar, offset: int, message: str, path: KeyPath) -> None:
        line, column = locate(self._document.text, scalar, offset)
        self._problems.add(line, column, message, key_path=path)

    def _warn(self, scalar: Scalar, offset: int, message: str, path: KeyPath) -> None:
        line, column = locate(self._document.text, scalar, offset)
        self._problems.add(line, column, message, severity="warning", key_path=path)


def _remark(source: str, key: str) -> tuple[tuple[Reference, ...], tuple[tuple[int, str], ...]]:
    tree = parse(source, availability_of(key))
    failing = ((error.column, f"this fails when it is evaluated: {error.reason}") for error in foreseen_errors(tree))
    return tuple(references(tree)), (*doubtful_properties(tree), *failing)


_remarks = lru_cache(maxsize=cached_expressions)(_remark)


def is_insert(text: str) -> bool:
    """Whether a key is the directive ``${{ insert }}``; what cannot be parsed is none."""
    try:
        return parse_template(text).is_insert
    except ExpressionError:
        return False


def is_single_expression(text: str) -> bool:
    """Whether a text is one expression and nothing else, so that its value keeps its type."""
    return parse_template(text).sole is not None


def sole_source(text: str) -> str:
    """What stands inside the braces of a text that is one expression."""
    sole = parse_template(text).sole
    assert sole is not None
    return sole.source
