"""The forms in which a secret may show up in a log: those that GitHub's runner masks, and the ones that it misses.

The runner's own: the value, three base64 alignments (also URL-safe), command-line, expression, JSON, URI and XML
escapes, trimmed quotes, and the pieces into which PowerShell cuts a value at `&`. Beyond them: base64 of a value that
is followed by more, other tools' JSON, URI and shell escapes.
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
"""Base64 whose last digit depends on what follows is masked without that digit, from this length on."""

_XML = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "&": "&amp;"})
_HTML = str.maketrans({"<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "&": "&amp;"})
_SHELL_SPECIAL = re.compile(r"[^\w@%+=:,./-]")


def forms(value: str) -> set[str]:
    """Every form of the value that is not empty, itself included; of a value of several lines also each line's."""
    values = {value, *re.split(r"[\r\n]+", value)}
    return {form for one in values if one for form in _forms_of_one(one) if form}


def _forms_of_one(value: str) -> Iterator[str]:
    yield value
    yield from _base64(value)
    yield value.replace('"', '\\"')
    yield value.replace("'", "''")
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield json.dumps(value)[1:-1]
    yield from _uri(value)
    yield value.translate(_XML)
    yield value.translate(_HTML)
    yield from _shell(value)
    if len(value) > QUOTED_CHARACTERS and value[0] == value[-1] and value[0] in "\"'":
        yield value[1:-1]
    yield from _powershell(value)


def _base64(value: str) -> Iterator[str]:
    """A byte falls on one of three places of a base64 group; digits shared with what stands before it are left out."""
    data = value.encode("utf-8", "surrogatepass")
    for offset in range(3):
        piece = data[offset:]
        if not piece:
            continue
        digits = base64.b64encode(piece).rstrip(b"=").decode()
        whole = digits[: len(piece) * 8 // 6]
        for form in (digits, whole) if len(whole) >= OPEN_BASE64_CHARACTERS else (digits,):
            yield form
            yield form.replace("+", "-").replace("/", "_")


def _uri(value: str) -> Iterator[str]:
    data = value.encode("utf-8", "surrogatepass")
    yield quote(data, safe="")
    yield quote(data, safe="!'()*")
    yield quote(data, safe="/")
    yield quote_plus(data)


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
