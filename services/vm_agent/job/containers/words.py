"""The words of a text that GitHub hands to `docker` as one string: `options`, `args`, a service's `command`. Pure.

GitHub's runner starts no shell: its words are those of .NET, where only double quotes join and an apostrophe is a
letter. `options` are read as a shell reads them where that is possible, since that is how people write them.
"""

from __future__ import annotations

import shlex

_WHITE = " \t\r\n"


def option_words(text: str) -> list[str]:
    """As a shell splits them; where its quotes do not close, as GitHub's runner does."""
    try:
        return shlex.split(text)
    except ValueError:
        return argument_words(text)


def argument_words(text: str) -> list[str]:
    """Words are parted by white space; double quotes join; a backslash before one makes it a letter, as does doubling
    it within quotes. Backslashes are themselves otherwise."""
    words: list[str] = []
    rest = text.replace("\0", "").lstrip(_WHITE)
    while rest:
        word, rest = _first(rest)
        words.append(word)
        rest = rest.lstrip(_WHITE)
    return words


def _first(text: str) -> tuple[str, str]:
    word: list[str] = []
    quoted = False
    at = 0
    while at < len(text) and (quoted or text[at] not in _WHITE):
        slashes = len(text) - at - len(text[at:].lstrip("\\"))
        at += slashes
        if at == len(text) or text[at] != '"':
            word.append("\\" * slashes)
            if slashes == 0:
                word.append(text[at])
                at += 1
            continue
        word.append("\\" * (slashes // 2))
        if slashes % 2:
            word.append('"')
        elif quoted and text[at + 1 : at + 2] == '"':
            word.append('"')
            at += 1
        else:
            quoted = not quoted
        at += 1
    return "".join(word), text[at:]
