"""The primitives of reading: a node that has to be a mapping, a string, a flag, with a problem where it is not.

Every method answers with a value that reading can go on with, so that one pass finds all problems of a file. It knows
types and messages; which keys mean what is said in the modules beside it.
"""

from collections.abc import Iterable
from math import inf, isfinite

import msgspec

from libs.workflow.expressions import to_string
from libs.workflow.model import Position, Template
from libs.workflow.nodes import Document, Entry, Mapping, Node, Scalar, ScalarValue, Sequence, abbreviate, describe
from libs.workflow.problems import KeyPath, Problems
from libs.workflow.reading.scope import Scope
from libs.workflow.reading.templates import ExpressionChecker, is_single_expression, sole_source

name_characters = 100  # Of a name that is compared with known ones; no known one is longer.


class Shape(msgspec.Struct, frozen=True):
    """The keys that a mapping may have."""

    what: str
    keys: frozenset[str]


class Reader:
    """Reads one file. ``scope`` is what expressions may refer to at the present place."""

    def __init__(self, document: Document, problems: Problems, scope: Scope) -> None:
        self.document = document
        self.problems = problems
        self.scope = scope
        self.expressions = ExpressionChecker(document, problems, scope)

    def within(self, scope: Scope) -> "Reader":
        return Reader(self.document, self.problems, scope)

    def error(self, node: Node, message: str, path: KeyPath) -> None:
        self.problems.add(node.line, node.column, message, key_path=path)

    def warning(self, node: Node, message: str, path: KeyPath) -> None:
        self.problems.add(node.line, node.column, message, severity="warning", key_path=path)

    def refuse(self, node: Node, what: str, path: KeyPath) -> None:
        self.error(node, f"{what} is part of GitHub's language, and Firebreak does not run it yet", path)

    # Collections

    def fields(self, node: Node, shape: Shape, path: KeyPath) -> dict[str, Entry]:
        """A mapping's known entries by key; unknown keys become problems and are left out."""
        found: dict[str, Entry] = {}
        for entry in self.entries(node, shape.what, path):
            key = entry.key.text
            if key in shape.keys:
                found[key] = entry
            else:
                self._unknown_key(entry.key, shape, path)
        return found

    def entries(self, node: Node, what: str, path: KeyPath) -> tuple[Entry, ...]:
        if isinstance(node, Mapping):
            return node.entries
        self.error(node, f"{what} must be a mapping, not {describe(node)}", path)
        return ()

    def items(self, node: Node, what: str, path: KeyPath) -> tuple[Node, ...]:
        if isinstance(node, Sequence):
            return node.items
        self.error(node, f"{what} must be a list, not {describe(node)}", path)
        return ()

    def require(self, node: Node, found: dict[str, Entry], keys: Iterable[str], shape: Shape, path: KeyPath) -> None:
        for key in keys:
            if key not in found:
                self.error(node, f"{shape.what} needs the key `{key}`", path)

    def _unknown_key(self, key: Scalar, shape: Shape, path: KeyPath) -> None:
        if "${{" in key.text:
            self.refuse(key, "an expression as a key", (*path, key.text))
            return
        suggestion = self.suggest(key.text, shape.keys) or ("; it may have " + ", ".join(sorted(shape.keys)))
        self.error(key, f"unknown key `{abbreviate(key.text)}` in {shape.what}{suggestion}", (*path, key.text))

    def suggest(self, name: str, known: Iterable[str]) -> str:
        """``; did you mean `steps`?``, or nothing when no known name is near."""
        hint = _nearest(name, known) if self.problems.allow_suggestions() else None
        return f"; did you mean `{hint}`?" if hint else ""

    # Scalars

    def scalar(self, node: Node, what: str, path: KeyPath) -> Scalar | None:
        if isinstance(node, Scalar):
            return node
        self.error(node, f"`{what}` must be a single value, not {describe(node)}", path)
        return None

    def literal(self, node: Node, what: str, path: KeyPath, *, empty: bool = True) -> str | None:
        """A string in which no expression is allowed."""
        text = self.text(node, what, "", path)
        if text is not None and not text and not empty:
            self.error(node, f"`{what}` must not be empty", path)
            return None
        return text

    def text(self, node: Node, what: str, key: str, path: KeyPath) -> str | None:
        """A string, perhaps with expressions; a number or a boolean is one too, as GitHub writes it.

        ``key`` is the row of the table that says which contexts may be used; without one, none may.
        """
        scalar = self.scalar(node, what, path)
        if scalar is None or not self.check(scalar, key, path):
            return None
        return scalar.value if isinstance(scalar.value, str) else to_string(scalar.value)

    def template(self, node: Node, what: str, key: str, path: KeyPath) -> Template:
        """A scalar as it is, with its type."""
        scalar = self.scalar(node, what, path)
        return portable(scalar.value) if scalar is not None and self.check(scalar, key, path) else None

    def flag(self, node: Node, what: str, key: str, path: KeyPath) -> bool | str | None:
        """True, false, or one expression that gives it."""
        scalar = self.scalar(node, what, path)
        if scalar is None:
            return None
        if isinstance(scalar.value, bool):
            return scalar.value
        return self._expression(scalar, f"`{what}` must be true or false", key, path)

    def number(self, node: Node, what: str, key: str, path: KeyPath, *, least: float = 0) -> float | str | None:
        """A number of at least ``least`` (above 0, where that is 0), or one expression that gives it.

        GitHub accepts any number and takes one out of these bounds for none; so do we, with a warning.
        """
        value = self.any_number(node, what, key, path)
        if not isinstance(value, float) or (value >= least and 0 < value < inf):
            return value
        bound = f"at least {least:g}" if least else "above 0"
        self.warning(node, f"`{what}` should be {bound}; it is as if it were not there", path)
        return None

    def any_number(self, node: Node, what: str, key: str, path: KeyPath) -> float | str | None:
        """A number, or one expression that gives it."""
        scalar = self.scalar(node, what, path)
        if scalar is None:
            return None
        value = scalar.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        return self._expression(scalar, f"`{what}` must be a number", key, path)

    def is_template(self, node: Node) -> bool:
        """Whether an expression stands where a mapping or a list could."""
        return isinstance(node, Scalar) and isinstance(node.value, str) and "${{" in node.value

    def whole(self, node: Node, what: str, key: str, path: KeyPath) -> str | None:
        """One expression that gives a whole mapping or list."""
        scalar = self.scalar(node, what, path)
        return None if scalar is None else self._expression(scalar, f"`{what}` must be a mapping or a list", key, path)

    def parts(self, node: Node, what: str, key: str, path: KeyPath) -> str | None:
        """Of one expression that gives a whole mapping: its source in parentheses, for expressions of the parts."""
        whole = self.whole(node, what, key, path)
        return None if whole is None else f"({sole_source(whole)})"

    def _expression(self, scalar: Scalar, must: str, key: str, path: KeyPath) -> str | None:
        if not isinstance(scalar.value, str) or "${{" not in scalar.text:
            hint = "; remove the quotes" if scalar.style in ("'", '"') else ""
            self.error(scalar, f"{must}, not {describe(scalar)}{hint}", path)
            return None
        if not self.check(scalar, key, path):
            return None
        if not is_single_expression(scalar.value):
            self.error(scalar, f"{must}, and text around an expression makes it a string", path)
            return None
        return scalar.value

    def check(self, scalar: Scalar, key: str, path: KeyPath) -> bool:
        """Whether the expressions in a scalar are sound; problems are noted."""
        return "${{" not in scalar.text or self.expressions.check_template(scalar, key, path)

    def check_name(self, scalar: Scalar, what: str, key: str, path: KeyPath) -> bool:
        """Whether a free key of a mapping may stand: not empty, its expressions sound, ``${{ insert }}`` too."""
        if "${{" in scalar.text:
            return self.expressions.check_name(scalar, key, path)
        if not scalar.text:
            self.error(scalar, f"a name in {what} must not be empty", path)
        return bool(scalar.text)


def portable(value: ScalarValue) -> ScalarValue:
    """A value that JSON can carry: the infinities and NaN become the strings that GitHub writes for them."""
    return to_string(value) if isinstance(value, float) and not isfinite(value) else value


def position(node: Node) -> Position:
    return Position(node.line, node.column)


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means; case and the choice of `-` or `_` do not count."""
    # Imported here, for only a mistake needs it and its import costs a cold command milliseconds.
    from difflib import get_close_matches

    by_plain_name = {_plain(candidate): candidate for candidate in known}
    matches = get_close_matches(_plain(name), by_plain_name, n=1)
    return by_plain_name[matches[0]] if matches else None


def _plain(name: str) -> str:
    return name[:name_characters].lower().replace("_", "-")
