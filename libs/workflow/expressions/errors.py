"""What can be wrong with an expression, in one error type that every caller can show as it is.

The wording follows GitHub's, so that an error found here can be searched for there. No message ever
contains a *value*: values may be secrets, and errors are printed, stored and posted.
"""

from collections.abc import Iterable
from typing import Literal

ErrorKind = Literal["lexing", "parsing", "evaluation"]

quoted_expression_characters = 200
"""How much of a long expression its error repeats: enough to recognise it, and one line of a log."""

quoted_symbol_characters = 50
"""How much of one long symbol an error repeats."""


class ExpressionError(Exception):
    """An expression is wrong. `column` is the 1-based character within the text that was given.

    `reason` says what is wrong; `message` adds where, in GitHub's words. Errors of evaluation have no position
    in their message, as on GitHub, but they do have a `column`.
    """

    def __init__(self, kind: ErrorKind, reason: str, column: int, expression: str = "") -> None:
        self.kind: ErrorKind = kind
        self.reason = reason
        self.column = column
        self.expression = expression
        self.position = column
        super().__init__(reason)

    @property
    def message(self) -> str:
        if self.kind == "evaluation" or not self.expression:
            return self.reason
        shown = shortened(self.expression, quoted_expression_characters)
        return f"{self.reason}. Located at position {self.position} within expression: {shown}"

    def shifted(self, offset: int) -> "ExpressionError":
        """The same error, its column counted in a text in which the expression starts after `offset` characters."""
        moved = ExpressionError(self.kind, self.reason, self.column + offset, self.expression)
        moved.position = self.position
        return moved

    def __str__(self) -> str:
        return self.message


class FunctionFailure(Exception):
    """A function cannot answer. The evaluator turns it into an ExpressionError at the call's column."""


class HashFilesWanted(Exception):
    """Evaluation needs the hash of these patterns: compute it, add it to the scope's `hashes`, evaluate again.

    Not an error of the expression: this package does no I/O, and the files may be on another machine.
    """

    def __init__(self, patterns: tuple[str, ...], column: int = 1) -> None:
        self.patterns = patterns
        self.column = column
        super().__init__(f"hashFiles({', '.join(patterns)}) has to be computed first")


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ` (did you mean 'github'?)`, or nothing when no known name is close."""
    if len(name) > quoted_symbol_characters:
        return ""
    # Imported here, for only a mistake needs it and its import costs a cold command milliseconds.
    from difflib import get_close_matches

    by_lower_case = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), by_lower_case, n=1)
    return f" (did you mean '{by_lower_case[matches[0]]}'?)" if matches else ""


def shortened(text: str, characters: int = quoted_symbol_characters) -> str:
    return text if len(text) <= characters else text[:characters] + "..."
