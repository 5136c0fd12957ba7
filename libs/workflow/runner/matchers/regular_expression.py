"""Patterns of matchers are .NET's, in its ECMAScript mode; here they are compiled by Python's `re`.

What differs is rewritten: named groups (written `(?<name>`, and numbered behind the unnamed ones), `\\z`, `\\e`,
escapes of letters that mean nothing, `{,n}`, a hyphen behind a class. `\\d`, `\\w`, `\\s` are ASCII's in both. What
Python cannot do (look-behind of varying width, `\\p{...}`, flags in the middle) is refused with its own words.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

PATTERN_CHARACTERS = 10_000
"""Of one pattern: the longest known has 500."""
_NAMED = re.compile(r"\(\?(?:<([A-Za-z_0-9]+)>|'([A-Za-z_0-9]+)')")
_BACK = re.compile(r"\\k(?:<([A-Za-z_0-9]+)>|'([A-Za-z_0-9]+)')")
_ESCAPES_OUTSIDE = frozenset("bBAZwWsSdDabtrvfnxup")
_ESCAPES_INSIDE = frozenset("bwWsSdDatrvfnxup")
_CLASSES = frozenset("wWsSdD")


class BadPattern(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Regular:
    """`numbers[n]` is Python's number of .NET's group n."""

    expression: re.Pattern[str]
    numbers: tuple[int, ...]
    anchored: bool = False
    """It can match at a line's start alone, as most do; Python would try every other place too."""

    def search(self, line: str) -> re.Match[str] | None:
        return self.expression.match(line) if self.anchored else self.expression.search(line)

    def group(self, match: re.Match[str], number: int) -> str:
        """Empty where the group took no part, as in .NET."""
        return match.group(self.numbers[number]) or ""


def compile_pattern(pattern: str) -> Regular:
    """Raises BadPattern."""
    if len(pattern) > PATTERN_CHARACTERS:
        raise BadPattern(f"it has {len(pattern)} characters, {PATTERN_CHARACTERS} are allowed")
    rewriting = _Rewriting(pattern)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expression = re.compile(rewriting.run(), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadPattern(str(error)) from None
    unnamed, named = rewriting.unnamed, rewriting.named
    if 1 + len(unnamed) + len(named) != expression.groups + 1:
        raise BadPattern("a group's name stands twice")
    anchored = pattern.startswith("^") and not rewriting.alternates
    return Regular(expression, (0, *unnamed, *named), anchored)


class _Rewriting:
    """One pass over a pattern. `unnamed` and `named` are Python's numbers of its groups, in order; `alternates` says
    whether it has more than one branch."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = self._depth = 0
        self.alternates = False
        self.unnamed: list[int] = []
        self.named: list[int] = []

    def run(self) -> str:
        parts: list[str] = []
        while self._place < len(self._pattern):
            parts.append(self._next())
        return "".join(parts)

    def _next(self) -> str:
        match self._pattern[self._place]:
            case "\\":
                return self._escape()
            case "[":
                return self._class()
            case "(":
                self._depth += 1
                return self._group()
            case ")":
                self._depth -= 1
                return self._take(1, ")")
            case "|":
                self.alternates = self.alternates or self._depth == 0
                return self._take(1, "|")
            case "{" if self._pattern.startswith("{,", self._place):
                return self._take(1, "\\{")
            case other:
                return self._take(1, other)

    def _group(self) -> str:
        number = len(self.unnamed) + len(self.named) + 1
        if (match := _NAMED.match(self._pattern, self._place)) is not None:
            self.named.append(number)
            return self._take(len(match.group()), f"(?P<{_name(match)}>")
        if not self._pattern.startswith("(?", self._place):
            self.unnamed.append(number)
        elif self._pattern.startswith("(?#", self._place):
            end = self._pattern.find(")", self._place)
            self._depth -= 1
            return self._take((end + 1 if end >= 0 else len(self._pattern)) - self._place, "")
        return self._take(1, "(")

    def _escape(self) -> str:
        if (match := _BACK.match(self._pattern, self._place)) is not None:
            return self._take(len(match.group()), f"(?P={_name(match)})")
        letter = self._pattern[self._place + 1 : self._place + 2]
        match letter:
            case "z":
                return self._take(2, "\\Z")
            case "e":
                return self._take(2, "\\x1b")
            case _ if letter.isascii() and letter.isalpha() and letter not in _ESCAPES_OUTSIDE:
                return self._take(2, letter)
            case _:
                return self._take(2, "\\" + letter)

    def _class(self) -> str:
        """To the bracket that closes it; one that stands first is a member."""
        start = self._place
        self._take(2 if self._pattern.startswith("[^", start) else 1, "")
        parts = [self._pattern[start : self._place]]
        if self._pattern.startswith("]", self._place):
            parts.append(self._take(1, "\\]"))
        while self._place < len(self._pattern) and self._pattern[self._place] != "]":
            parts.append(self._member())
        return "".join([*parts, self._take(1, "]")])

    def _member(self) -> str:
        character = self._pattern[self._place]
        if character == "[":
            return self._take(1, "\\[")
        if character != "\\":
            return self._take(1, character)
        letter = self._pattern[self._place + 1 : self._place + 2]
        if letter == "e":
            return self._take(2, "\\x1b")
        if letter.isascii() and letter.isalpha() and letter not in _ESCAPES_INSIDE:
            return self._take(2, letter)
        self._take(2, "")
        hyphen = letter in _CLASSES and self._pattern.startswith("-", self._place)
        return "\\" + letter + (self._take(1, "\\-") if hyphen else "")

    def _take(self, characters: int, text: str) -> str:
        self._place += characters
        return text


def _name(match: re.Match[str]) -> str:
    """A name that begins with a digit is none for Python."""
    return f"g_{match[1] or match[2]}"
