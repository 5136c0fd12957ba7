"""Comparison of text as GitHub's runner does it: ordinal, ignoring case (.NET's OrdinalIgnoreCase).

Each UTF-16 unit is mapped by itself to one upper-case unit. Python's `str.upper` maps some characters to two
("ß" to "SS") and some letters outside ASCII into it (the dotless i to "I"): both would make different words equal.
"""

from functools import lru_cache


def fold(text: str) -> str:
    """Equal results mean equal text, ignoring case."""
    if text.isascii():
        return text.upper()
    return "".join(map(_upper_character, text))


def ordinal(text: str) -> bytes:
    """A key by which text is ordered, ignoring case: by UTF-16 units, where Python would order by code points."""
    return fold(text).encode("utf-16-be", "surrogatepass")


@lru_cache(maxsize=4096)
def _upper_character(character: str) -> str:
    upper = character.upper()
    if len(upper) != 1 or (upper.isascii() and not character.isascii()):
        return character
    return upper
