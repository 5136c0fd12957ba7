"""Runner files: what a step wrote to `$GITHUB_ENV`, `$GITHUB_OUTPUT`, `$GITHUB_STATE`, `$GITHUB_PATH`.

The rules are those of GitHub's runner on Linux, where a line ends at `\\n` alone. What was read before an error
counts, as it does there. Nothing here knows where the files are.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNNER_FILE_BYTES = 8 * 1024 * 1024
"""A runner file larger than this fails its step: its text is held in memory several times while it is read."""
ENTRIES = 50_000
"""Of one runner file, pairs or paths: a step that sets more is no step that anybody wrote, and each costs memory."""
SHOWN_CHARACTERS = 1_000
"""Of a line that is wrong, in its error: it may be all of the file."""
SUMMARY_BYTES = 1024 * 1024
"""GitHub's bound for one step's summary."""
BLOCKED_VARIABLES = ("NODE_OPTIONS",)
"""What `$GITHUB_ENV` and `set-env` may not set: it would run code in every later JavaScript action. `GITHUB_*` and
`RUNNER_*` may be set, as in the runner: those that it sets itself stand above them in every step's environment."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs in the order in which they were written, and what stopped the reading, if anything did."""

    pairs: tuple[tuple[str, str], ...]
    error: str | None = None


@dataclass(slots=True)
class _Lines:
    """Lines of a text with their ends, each once. `newline` is the length of the last line's end, 0 at the end."""

    text: str
    place: int = 0
    newline: int = 0

    def next(self) -> str | None:
        if self.place >= len(self.text):
            self.newline = 0
            return None
        start, end = self.place, self.text.find("\n", self.place)
        if end < 0:
            self.place, self.newline = len(self.text), 0
            return self.text[start:]
        self.place, self.newline = end + 1, 1
        return self.text[start:end]


class _Malformed(Exception):
    pass


_TOO_MANY = f"It has more than {ENTRIES} entries: write much data to a file of the workspace and pass its path"


def read_pairs(data: bytes) -> Pairs:
    """`NAME=value` lines and `NAME<<DELIMITER` heredocs; empty lines between them are skipped."""
    lines = _Lines(text_of(data))
    pairs: list[tuple[str, str]] = []
    try:
        while (line := lines.next()) is not None:
            if line:
                pairs.append(_pair(line, lines))
                if len(pairs) > ENTRIES:
                    raise _Malformed(_TOO_MANY)
    except _Malformed as error:
        return Pairs(tuple(pairs), str(error))
    return Pairs(tuple(pairs))


@dataclass(frozen=True, slots=True)
class Paths:
    paths: tuple[str, ...]
    error: str | None = None


def read_paths(data: bytes) -> Paths:
    """The lines of `$GITHUB_PATH` that are not empty; here `\\r\\n` ends a line too, as in the runner."""
    lines = text_of(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    paths = tuple(line for line in lines if line)
    return Paths(paths) if len(paths) <= ENTRIES else Paths(paths[:ENTRIES], _TOO_MANY)


def prepend_paths(current: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    """The search path after additions, the newest last; what was there before moves to its new place."""
    paths = dict.fromkeys(current)
    for path in added:
        paths.pop(path, None)
        paths[path] = None
    return tuple(paths)


def blocked_name(name: str) -> str | None:
    """The variable, as the block list writes it, where a step may not set it for the steps behind it."""
    return next((blocked for blocked in BLOCKED_VARIABLES if name.upper() == blocked), None)


def text_of(data: bytes) -> str:
    """UTF-8 without its byte order mark; what is no UTF-8 becomes U+FFFD."""
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _pair(line: str, lines: _Lines) -> tuple[str, str]:
    equals, heredoc = line.find("="), line.find("<<")
    if heredoc >= 0 and (equals < 0 or heredoc < equals):
        name, _, delimiter = line.partition("<<")
        if not name or not delimiter:
            raise _Malformed(
                f"Invalid format '{line[:SHOWN_CHARACTERS]}'. Name must not be empty and delimiter must not be empty"
            )
        return name, _heredoc(lines, delimiter)
    if equals < 0:
        raise _Malformed(f"Invalid format '{line[:SHOWN_CHARACTERS]}'")
    name, _, value = line.partition("=")
    if not name:
        raise _Malformed(f"Invalid format '{line[:SHOWN_CHARACTERS]}'. Name must not be empty")
    return name, value


def _heredoc(lines: _Lines, delimiter: str) -> str:
    """The text up to the line that is the delimiter and nothing else, without the line end before it."""
    start = end = lines.place
    while (line := lines.next()) != delimiter:
        if line is None:
            raise _Malformed(f"Invalid value. Matching delimiter not found '{delimiter}'")
        if lines.newline == 0:
            raise _Malformed("Invalid value. EOF marker missing new line.")
        end = lines.place - lines.newline
    return lines.text[start:end] if end > start else ""
