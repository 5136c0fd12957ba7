"""Comparison of text as GitHub's runner does it: ordinal, ignoring case (.NET's OrdinalIgnoreCase).

Each UTF-16 unit is mapped by itself to one upper-case unit. Python's `str.upper` maps some characters to two
("ß" to "SS") and some letters outside ASCII into it (the dotless i to "I"): both would make different words equal.
"""

from functools import lru_cache

_entering_ascii = "\u0131\u017f"
"""The dotless i and the long s: the letters outside ASCII whose upper case is in it."""


def fold(text: str) -> str:
    """Equal results mean equal text, ignoring case."""
    upper = text.upper()
    # Equal lengths mean that no character became two; then only the letters that enter ASCII are left to care for.
    if text.isascii() or (len(upper) == len(text) and not any(letter in text for letter in _entering_ascii)):
        return upper
    return "".join(map(_upper_character, text))


def ordinal(text: str) -> bytes:
    """A key by which text is ordered, ignoring case: by UTF-16 units, where Python would order by code points."""
    return fold(text).encode("utf-16-be", "surrogatepass")


@lru_cache(maxsize=4096)
def _upper_character(character: str) -> str:
    if character in _entering_ascii:
        return character
    # Greek letters with an iota below have one upper-case letter as a title's first, and two otherwise.
    candidates = (character.upper(), character.title())
    return next((candidate for candidate in candidates if len(candidate) == 1), character)
