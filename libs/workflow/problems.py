"""What is wrong with a workflow file, as a value that a person can act on.

A problem knows a place and words. It does not know how it is shown (the command line, a check run and the web page each
do that their way), nor which module found it.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Severity = Literal["error", "warning"]
KeyPath = tuple[str | int, ...]


class Problem(msgspec.Struct, frozen=True):
    """One complaint at a 1-based line and column (columns count characters, not bytes)."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = "error"
    key_path: str = ""

    def render(self) -> str:
        """``file:line:column: message``, the form that editors and people's scripts read."""
        prefix = "" if self.severity == "error" else "warning: "
        return f"{self.file}:{self.line}:{self.column}: {prefix}{self.message}"


problems_in_file = 500  # Nobody reads more, and a hostile file could hold a hundred thousand.
characters_in_message = 500  # A key may be as long as its file, and what quotes it is to be read, kept and sent.
suggestions_in_file = 50  # Looking for the nearest known name is slow, so only the first problems get one.


class TooManyProblems(Exception):
    """The file has ``problems_in_file`` problems; reading on would only cost."""


class Problems:
    """Collects the problems of one file; the same complaint at the same place is kept once (aliases repeat content)."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: dict[tuple[int, int, str], Problem] = {}

    def add(
        self, line: int, column: int, message: str, *, severity: Severity = "error", key_path: KeyPath = ()
    ) -> None:
        """Raises ``TooManyProblems`` where the bound is reached."""
        if len(message) > characters_in_message:
            message = f"{message[:characters_in_message]}..."
        key = (line, column, message)
        if key not in self._found:
            if len(self._found) >= problems_in_file:
                raise TooManyProblems
            self._found[key] = Problem(self.file, line, column, message, severity, render_path(key_path))

    def sorted(self) -> tuple[Problem, ...]:
        return sort_problems(self._found.values())

    def allow_suggestions(self) -> bool:
        return len(self._found) < suggestions_in_file

    def count(self) -> int:
        return len(self._found)

    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self._found.values())


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """In the order in which a reader meets them: file, line, column."""
    return tuple(sorted(problems, key=lambda found: (found.file, found.line, found.column, found.message)))


def render_path(path: KeyPath) -> str:
    """``("jobs", "a", "steps", 0, "run")`` as ``jobs.a.steps[0].run``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
