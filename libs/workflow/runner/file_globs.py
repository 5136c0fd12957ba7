"""The patterns of `hashFiles`: which files of the workspace they select, and in which order they are hashed.

The rules are those of the library behind GitHub's function (@actions/glob): a pattern without a leading `/` is relative
to the workspace, a folder stands for everything below it, `**` is a segment of its own, hidden files are like others,
`!` takes files away again, the last pattern that speaks of a file decides. Files come in the order of a walk: by search
root, then by name in each folder. Nothing here looks at a disk.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

PATTERNS = 1_000
"""Patterns of one call: GitHub allows 255 arguments, of several lines each."""
_GLOB = re.compile(r"[*?[]")
_ESCAPED = re.compile(r"\\(.)")


class BadPattern(Exception):
    """A pattern that no file can be found by."""


class Pattern(msgspec.Struct, frozen=True):
    """`segments` are those of an absolute path; `**` among them spans any number. `root` is where a search begins."""

    negated: bool
    segments: tuple[str, ...]
    root: str

    def matches(self, segments: Sequence[str]) -> bool:
        return _spans(self.segments, segments, lambda own: own == "**", _segment_matches)


class FilePatterns(msgspec.Struct, frozen=True):
    """`roots` in the order of their patterns, none within another."""

    patterns: tuple[Pattern, ...]
    roots: tuple[str, ...]

    def selects(self, path: str) -> bool:
        """Whether a file (an absolute path) is selected; a pattern for a folder selects what is below it."""
        segments = _segments(path)
        selected = False
        for pattern in self.patterns:
            if pattern.negated == selected and pattern.matches(segments):
                selected = not pattern.negated
        return selected

    def order(self, paths: Iterator[str] | Sequence[str]) -> list[str]:
        """The selected ones of these paths, each once, as a walk from the roots meets them."""
        selected = {path for path in paths if self.selects(path)}
        return sorted(
            selected,
            key=lambda path: (self._place(path), [part.encode("utf-8", "surrogateescape") for part in _segments(path)]),
        )

    def _place(self, path: str) -> int:
        return next((place for place, root in enumerate(self.roots) if _is_within(path, root)), len(self.roots))


def file_patterns(patterns: Sequence[str], workspace: str, home: str) -> FilePatterns:
    """Reads the arguments of `hashFiles`; each may hold several lines, `#` begins a comment line. Raises BadPattern."""
    read: list[Pattern] = []
    for line in "\n".join(patterns).split("\n"):
        text = line.strip()
        if text and not text.startswith("#"):
            read.extend(_pattern(text, workspace, home))
        if len(read) > 2 * PATTERNS:
            raise BadPattern(f"more than {PATTERNS} patterns in one hashFiles")
    return FilePatterns(tuple(read), _roots(read))


def _pattern(text: str, workspace: str, home: str) -> list[Pattern]:
    """The pattern itself and, as a folder stands for what is in it, the one for everything below."""
    negated = False
    while text.startswith("!"):
        negated, text = not negated, text[1:].strip()
    if not text:
        raise BadPattern("a pattern of hashFiles is empty")
    only_folders = text.endswith("/") and text != "/"
    segments = tuple(_segments(_rooted(text, workspace, home)))
    if any(segment in {".", ".."} for segment in segments):
        raise BadPattern(f"Invalid pattern '{text}'. Relative pathing '.' and '..' is not allowed.")
    root = "/" + "/".join(_literals(segments))
    # `a/**` is what stands below the folder `a`, never a file of that name.
    spanning = segments if segments[-1:] == ("**",) else (*segments, "**")
    below = Pattern(negated, (*spanning, "*"), root)
    return [below] if only_folders or spanning == segments else [Pattern(negated, segments, root), below]


def _rooted(text: str, workspace: str, home: str) -> str:
    if text == "." or text.startswith("./"):
        return _escaped(workspace) + text[1:]
    if text == "~" or text.startswith("~/"):
        return _escaped(home) + text[1:]
    return text if text.startswith("/") else f"{_escaped(workspace)}/{text}"


def _roots(patterns: list[Pattern]) -> tuple[str, ...]:
    candidates = {pattern.root for pattern in patterns if not pattern.negated}
    roots: list[str] = []
    for pattern in patterns:
        ancestors = candidates - {pattern.root}
        if pattern.negated or pattern.root in roots or any(_is_within(pattern.root, root) for root in ancestors):
            continue
        roots.append(pattern.root)
    return tuple(roots)


def _literals(segments: tuple[str, ...]) -> Iterator[str]:
    for segment in segments:
        if _GLOB.search(_ESCAPED.sub("", segment)):
            return
        yield _ESCAPED.sub(r"\1", segment)


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _escaped(path: str) -> str:
    return re.sub(r"([\\*?[])", r"\\\1", posixpath.normpath(path))


def _segment_matches(pattern: str, name: str) -> bool:
    return _spans(_tokens(pattern), name, lambda item: item == "*", _character_matches)


def _character_matches(one: str, character: str) -> bool:
    if one == "?":
        return True
    if len(one) > 1 and one[0] == "[":
        return _in_class(one[1:-1], character)
    return one[-1] == character


def _tokens(pattern: str) -> tuple[str, ...]:
    """`*`, `?`, a whole `[class]`, or one character, with a backslash before it where it is to be taken literally."""
    tokens: list[str] = []
    place = 0
    while place < len(pattern):
        end = place + 1
        if pattern[place] == "\\" and end < len(pattern):
            end += 1
        elif pattern[place] == "[" and (close := pattern.find("]", place + 2)) > 0:
            end = close + 1
        one = pattern[place:end]
        tokens.append("\\[" if one == "[" else one)
        place = end
    return tuple(tokens)


def _in_class(text: str, character: str) -> bool:
    negated = text[:1] in {"!", "^"}
    text = text[1:] if negated else text
    found, place = False, 0
    while place < len(text):
        if text[place + 1 : place + 2] == "-" and place + 2 < len(text):
            found = found or text[place] <= character <= text[place + 2]
            place += 3
        else:
            found = found or text[place] == character
            place += 1
    return found != negated


def _spans(
    pattern: Sequence[str],
    items: Sequence[str],
    is_star: Callable[[str], bool],
    fits: Callable[[str, str], bool],
) -> bool:
    """Matches with stars that take any number of items; only the last star is ever taken back, so it stays quick."""
    at, place, star, resume = 0, 0, -1, 0
    while place < len(items):
        if at < len(pattern) and is_star(pattern[at]):
            star, resume = at, place
            at += 1
        elif at < len(pattern) and fits(pattern[at], items[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(is_star(token) for token in pattern[at:])
