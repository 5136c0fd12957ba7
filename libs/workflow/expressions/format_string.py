"""The format strings of `format`: text, `{N}`, and `{{` and `}}` for braces.

As in GitHub's runner there are no format specifiers: `{0:x}` is an error, whatever the argument; `{0:}` is `{0}`.
"""

import re

max_format_argument = 255
"""GitHub reads the number of an argument into one byte."""

_piece = re.compile(r"(?P<text>[^{}]+)|(?P<brace>\{\{|\}\})|\{(?P<argument>[0-9]+)(?:\}|:\}(?!\}))")


def parse_format(text: str) -> tuple[str | int, ...] | None:
    """Pieces of text and numbers of arguments; None when it is not a format string."""
    pieces: list[str | int] = []
    position = 0
    while position < len(text):
        match = _piece.match(text, position)
        if match is None:
            return None
        if match["argument"] is not None:
            number = int(match["argument"][-4:]) if len(match["argument"].lstrip("0")) < 4 else max_format_argument + 1
            if number > max_format_argument:
                return None
            pieces.append(number)
        else:
            pieces.append(match["text"] or match["brace"][0])
        position = match.end()
    return tuple(pieces)


def format_problem(text: str, argument_count: int) -> str | None:
    """What is wrong with a format string for that many arguments, in GitHub's words."""
    pieces = parse_format(text)
    if pieces is None:
        return "The following format string is invalid"
    if any(isinstance(piece, int) and piece >= argument_count for piece in pieces):
        return "The following format string references more arguments than were supplied"
    return None
