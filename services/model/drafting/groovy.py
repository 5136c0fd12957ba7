"""Just enough of Groovy to find blocks and calls with a constant string: words, strings, braces; comments are skipped.

It is no parser of the language: what it does not understand it passes by, and whoever asks says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

TOKENS = 50_000

_TOKEN = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)"
    r"|(?P<raw>'''(?:[^\\]|\\.)*?''')"
    r'|(?P<rich>"""(?:[^\\]|\\.)*?""")'
    r"|(?P<single>'(?:[^'\\\n]|\\.)*')"
    r'|(?P<double>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<word>[A-Za-z_$][\w$.]*)"
    r"|(?P<mark>[{}()\[\]:,=])"
    r"|(?P<end>\n|;)",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\n": "", "\\": "\\", "'": "'", '"': '"', "$": "$"}


class Token(Struct, frozen=True):
    """`kind` is word, mark, end, text (a constant string) or woven (a string with something of Groovy's in it)."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> Iterator[Token]:
    line, at = 1, 0
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number >= TOKENS:
            return
        line += text.count("\n", at, match.start())
        at = match.start()
        kind, said = match.lastgroup or "", match[0]
        if kind == "comment":
            continue
        if kind in ("raw", "single"):
            yield Token("text", _unescaped(said, 3 if kind == "raw" else 1), line)
        elif kind in ("rich", "double"):
            inner = said[3:-3] if kind == "rich" else said[1:-1]
            woven = re.search(r"(?<!\\)\$(?:\{|[A-Za-z_])", inner) is not None
            yield Token("woven" if woven else "text", _unescaped(said, 3 if kind == "rich" else 1), line)
        else:
            yield Token(kind, said, line)


def _unescaped(said: str, quotes: int) -> str:
    inner = said[quotes:-quotes]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), inner, flags=re.DOTALL)
