"""Text that others wrote, made harmless before it goes to GitHub, and the words of our own. Pure.

Names of workflows, jobs and steps come from whoever opened the pull request. In a comment they stand in code spans:
nothing in one is rendered, linked or notified. In a status they are plain text on one line.
"""

from __future__ import annotations

import unicodedata

from libs.contracts.results import Result

DESCRIPTION_CHARACTERS = 140
"""GitHub's limit."""
CONTEXT_CHARACTERS = 255
"""GitHub's limit."""
NAME_CHARACTERS = 120
"""Of one name in a comment: a table of longer ones is unreadable."""
_HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
"""Controls, direction overrides, surrogates, unassigned: what can make a line look like another."""
_IN_CODE = str.maketrans({"`": "\N{MODIFIER LETTER GRAVE ACCENT}", "|": "\N{BROKEN BAR}"})
"""The two characters that end a code span or a table's cell."""

WORD: dict[Result, str] = {
    "success": "Succeeded",
    "failure": "Failed",
    "error": "Could not run",
    "timeout": "Timed out",
    "cancellation": "Cancelled",
    "skip": "Skipped",
}
MARK: dict[Result, str] = {
    "success": "\N{WHITE HEAVY CHECK MARK}",
    "failure": "\N{CROSS MARK}",
    "error": "\N{COLLISION SYMBOL}",
    "timeout": "\N{ALARM CLOCK}",
    "cancellation": "\N{NO ENTRY}",
    "skip": "\N{BLACK RIGHT-POINTING DOUBLE TRIANGLE}",
}


def line(text: str, characters: int) -> str:
    """One visible line. Characters above U+FFFF are replaced: GitHub refuses them in a status."""
    visible = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _HIDDEN)
    words = " ".join(visible.split())
    plain = "".join(c if c <= "\uffff" else "\N{REPLACEMENT CHARACTER}" for c in words)
    return plain if len(plain) <= characters else plain[: characters - 1].rstrip() + "…"


def code(text: str, characters: int = NAME_CHARACTERS) -> str:
    """A code span, for a cell of a table too."""
    return f"`{line(text, characters).translate(_IN_CODE) or '(no name)'}`"
