"""The forms in which a secret may show up in a log: those that GitHub's runner masks, and the ones that it misses.

The runner's own: the value, three base64 alignments (also URL-safe), command-line, expression, JSON, URI and XML
escapes, trimmed quotes, and the pieces into which PowerShell cuts a value at `&`. Beyond them: base64 of a value that
is followed by more, other tools' JSON, URI and shell escapes, and the escapes of workflow commands.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

POWERSHELL_PIECE_CHARACTERS = 6
"""A shorter piece of a value that PowerShell cut is not masked, as in the runner: it would hide ordinary words."""
QUOTED_CHARACTERS = 8
"""Quotes are trimmed from values longer than this only, as in the runner."""
OPEN_BASE64_CHARACTERS = 6
"""Base64 of a value within more than the value is masked from this length on: less of it is in ordinary words."""

_XML = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "&": "&amp;"})
_HTML = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "&": "&amp;"})
_LINE_ENDS = re.compile(r"[\r\n]+")
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_JSON_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_JSON_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_SHELL_SPECIAL = re.compile(r"[^\w@%+=:,./-]")


def parts(value: str) -> set[str]:
    """What of a value is a secret by itself: the whole, each of its lines, and each of these without the space around.
    Blank ones are none."""
    values = {value, *_LINE_ENDS.split(value)}
    return {one for one in (*values, *(one.strip() for one in values)) if one.strip()}


def forms(value: str) -> set[str]:
    """Every form of the value that is not empty, itself included."""
    return {form for form in _forms(value) if form}


def _forms(value: str) -> Iterator[str]:
    yield value
    yield from _base64(value)
    yield value.replace('"', '\\"')
    yield value.replace("'", "''")
    yield from _json(value)
    yield from _uri(value)
    yield from _command(value)
    yield value.translate(_XML)
    yield value.translate(_HTML)
    yield from _shell(value)
    if len(value) > QUOTED_CHARACTERS and value[0] == value[-1] and value[0] in "\"'":
        yield value[1:-1]
    yield from _powershell(value)


def _base64(value: str) -> Iterator[str]:
    """A byte falls on one of three places of a base64 group, behind as many others as there are before it in the group.

    Digits that they share with what stands before are left out. The runner begins at the next whole group; what lies
    between is masked here too.
    """
    data = value.encode("utf-8", "surrogatepass")
    for before in range(3):
        padded = base64.b64encode(bytes(before) + data).decode()
        shared, whole = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        longer = {padded[shared:], padded.rstrip("=")[shared:], padded[shared:whole]}
        of_the_runner = base64.b64encode(data[before:] or data).decode()
        for form in {of_the_runner, *(form for form in longer if len(form) >= OPEN_BASE64_CHARACTERS)}:
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _json(value: str) -> Iterator[str]:
    """As the runner's own library writes it, as Python and JavaScript do, as Go does for HTML's sake, as PHP does."""
    plain, ascii_only = json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]
    yield plain
    yield ascii_only
    yield plain.translate(_JSON_LINE_ENDS)
    yield plain.translate(_JSON_HTML)
    yield plain.replace("/", "\\/")
    yield ascii_only.replace("/", "\\/")


def _uri(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogatepass")
    for form in (quote(data, safe=""), quote(data, safe="!'()*"), quote(data, safe="/"), quote_plus(data)):
        yield form
        yield _PERCENT.sub(lambda match: match.group().lower(), form)


def _command(value: str) -> Iterator[str]:
    """As a step that escapes what it hands to a command writes it; the second also escapes properties."""
    data = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    yield data
    yield data.replace(":", "%3A").replace(",", "%2C")


def _shell(value: str) -> Iterator[str]:
    yield value.replace("'", "'\\''")
    yield shlex.quote(value).removeprefix("'").removesuffix("'")
    yield _SHELL_SPECIAL.sub(lambda match: "\\" + match.group(), value)
    yield value.replace("\\", "\\\\")


def _powershell(value: str) -> Iterator[str]:
    """An error message of PowerShell colours a command up to `&+` or `&` apart from the rest."""
    at = value.find("&+")
    if at >= 0:
        before, behind = value[: at + 2], value[at + 3 :]
    elif (at := value.rfind("&")) >= 0:
        before, behind = value[: at + 1], value[at + 1 :]
    else:
        return
    for piece in (before, behind):
        if len(piece) >= POWERSHELL_PIECE_CHARACTERS:
            yield piece
