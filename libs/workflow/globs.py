"""GitHub's filter patterns for branches, tags and paths: ``* ** ? + [] !`` and ``\\`` to escape.

A pattern comes from a repository that nobody vetted, and so do the thousands of paths that it is matched against. A
backtracking regular expression would let ``**a**a**a**b`` stop the parser, so a pattern becomes a small automaton that
reads each character once. It knows text, not events: which list applies to what is said in ``triggers``.

Source: GitHub's documentation, "Filter pattern cheat sheet".
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

pattern_characters = 1024  # Longer than any name that git takes (255 bytes a component) needs; bounds the automaton.
cached_patterns = 4096  # A few hundred repositories' worth; each costs about a kilobyte.
cached_transitions = 2048  # A pattern; beyond it the table is started anew, so hostile names cannot fill the memory.

CharacterTest = Callable[[str], bool]


class GlobError(ValueError):
    """The pattern is not one of GitHub's. ``offset`` is where, in characters from its start."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Glob:
    """One compiled pattern. ``negated`` says whether it began with ``!``; ``matches`` asks about the rest."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.negated = pattern.startswith("!")
        start = 1 if self.negated else 0
        _check_size(pattern, start)
        self._automaton = _Automaton()
        _Compiler(pattern, start, self._automaton).compile()
        self._automaton.finish()

    def matches(self, text: str) -> bool:
        """Whether the whole text matches; upper and lower case differ."""
        return self._automaton.accepts(text)


@lru_cache(maxsize=cached_patterns)
def compile_glob(pattern: str) -> Glob:
    """Raises ``GlobError``."""
    return Glob(pattern)


def selected(patterns: Iterable[Glob], text: str) -> bool:
    """Whether a list of patterns includes the text: the last one that matches decides, ``!`` takes out again."""
    for glob in reversed(tuple(patterns)):
        if glob.matches(text):
            return not glob.negated
    return False


def _check_size(pattern: str, start: int) -> None:
    if len(pattern) == start:
        raise GlobError("`!` needs a pattern after it" if start else "a pattern cannot be empty", 0)
    if len(pattern) > pattern_characters:
        raise GlobError(f"a pattern may have {pattern_characters} characters at most", pattern_characters)


class _Compiler:
    """Reads a pattern from left to right into an automaton."""

    def __init__(self, pattern: str, start: int, automaton: "_Automaton") -> None:
        self._pattern = pattern
        self._offset = start
        self._automaton = automaton
        self._segment_starts = True  # At the start, or right after a slash.

    def compile(self) -> None:
        while self._offset < len(self._pattern):
            match self._pattern[self._offset]:
                case "*":
                    self._star()
                case "?" | "+" as quantifier:
                    raise GlobError(
                        f"`{quantifier}` repeats the character before it, and there is none to repeat", self._offset
                    )
                case "[":
                    self._quantified(self._character_class())
                case "\\":
                    self._quantified(self._escaped())
                case character:
                    self._offset += 1
                    self._quantified(_equals(character))
                    self._segment_starts = self._pattern[self._offset - 1] == "/"

    def _star(self) -> None:
        """``*`` stays within a path segment, ``**`` does not, and ``**/`` at a segment's start may be nothing."""
        if self._pattern.startswith("**/", self._offset) and self._segment_starts:
            self._offset += 3
            self._automaton.add_optional_folders()
            return
        length = 2 if self._pattern.startswith("**", self._offset) else 1
        self._offset += length
        self._automaton.add(_anything if length == 2 else _not_slash, repeats=True, optional=True)
        self._segment_starts = False

    def _quantified(self, test: CharacterTest) -> None:
        """Adds a character with the ``?`` or ``+`` that may follow it."""
        following = self._pattern[self._offset : self._offset + 1]
        self._segment_starts = False
        if following in ("?", "+"):
            self._offset += 1
        self._automaton.add(test, repeats=following == "+", optional=following == "?")

    def _escaped(self) -> CharacterTest:
        if self._offset + 1 == len(self._pattern):
            raise GlobError("`\\` needs a character after it", self._offset)
        self._offset += 2
        return _equals(self._pattern[self._offset - 1])

    def _character_class(self) -> CharacterTest:
        """``[abc]``, ``[0-9a-z]``; a ``-`` that comes first or last stands for itself."""
        opened = self._offset
        closed = self._pattern.find("]", opened + 1)
        if closed < 0:
            raise GlobError("`[` has no closing `]`; write `\\[` to match the character itself", opened)
        body = self._pattern[opened + 1 : closed]
        if not body:
            raise GlobError("`[]` lists no character", opened)
        self._offset = closed + 1
        return _one_of(_class_members(body, opened))


def _class_members(body: str, opened: int) -> frozenset[str]:
    members: set[str] = set()
    index = 0
    while index < len(body):
        if body[index + 1 : index + 2] == "-" and index + 2 < len(body):
            members |= _range(body[index], body[index + 2], opened + 1 + index)
            index += 3
        else:
            members.add(body[index])
            index += 1
    return frozenset(members)


def _range(first: str, last: str, offset: int) -> set[str]:
    """Ranges may only be within ``a-z``, ``A-Z`` and ``0-9``."""
    same_kind = any(first in kind and last in kind for kind in _range_kinds)
    if not same_kind or first > last:
        raise GlobError(f"`{first}-{last}` is not a range within a-z, A-Z or 0-9", offset)
    return {chr(code) for code in range(ord(first), ord(last) + 1)}


_range_kinds = ("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789")


class _Automaton:
    """A nondeterministic automaton over character tests, run as a deterministic one whose table is made as it is used.

    State *i* waits for test *i*; the state after the last test accepts. A set of states is the bits of an integer.
    """

    def __init__(self) -> None:
        self._tests: list[tuple[CharacterTest, bool]] = []
        self._skips: list[tuple[int, int]] = []  # From a state to a later one, without a character.
        self._closures: list[int] = []
        self._table: dict[tuple[int, str], int] = {}

    def add(self, test: CharacterTest, *, repeats: bool, optional: bool) -> None:
        if optional:
            self._skips.append((len(self._tests), len(self._tests) + 1))
        self._tests.append((test, repeats))

    def add_optional_folders(self) -> None:
        """``**/``: nothing, or anything that ends in a slash; which of the two is decided before any reading."""
        entrance = len(self._tests)
        self._skips += [(entrance, entrance + 1), (entrance, entrance + 3)]
        self._tests.append((_nothing, False))
        self.add(_anything, repeats=True, optional=True)
        self.add(_equals("/"), repeats=False, optional=False)

    def finish(self) -> None:
        """Works out which states each state reaches without reading; skips only lead forward."""
        self._closures = [1 << state for state in range(len(self._tests) + 1)]
        for origin, target in sorted(self._skips, reverse=True):
            self._closures[origin] |= self._closures[target]

    def accepts(self, text: str) -> bool:
        states = self._closures[0]
        table = self._table
        for character in text:
            following = table.get((states, character))
            states = self._advance(states, character) if following is None else following
            if not states:
                return False
        return bool(states >> len(self._tests) & 1)

    def _advance(self, states: int, character: str) -> int:
        following = 0
        for state, (test, repeats) in enumerate(self._tests):
            if states >> state & 1 and test(character):
                following |= self._closures[state + 1] | (self._closures[state] if repeats else 0)
        if len(self._table) >= cached_transitions:
            self._table.clear()
        self._table[states, character] = following
        return following


def _anything(character: str) -> bool:
    return True


def _nothing(character: str) -> bool:
    return False


def _not_slash(character: str) -> bool:
    return character != "/"


def _equals(expected: str) -> CharacterTest:
    return expected.__eq__


def _one_of(members: frozenset[str]) -> CharacterTest:
    return members.__contains__
