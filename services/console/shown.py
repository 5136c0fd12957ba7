"""Text from outside as a page may show it: no escape sequences, no control characters, nothing that reorders lines.

It does not escape HTML: the templates do that, and the log's script sets text, never markup.
"""

from __future__ import annotations

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Whole escape sequences, as ECMA-48 has them, in their 7-bit and 8-bit forms: control strings (OSC, DCS, SOS, PM, APC)
# with their ends, control sequences (CSI), and the short ones. No part reaches over the beginning of another, so
# the time is linear however hostile the line is.
_SEQUENCE = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c\x9d]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x90\x98\x9c\x9e\x9f]*(?:\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
)
# Controls but for tab; line separators; bidirectional overrides and isolates (they make a line read otherwise than it
# is); the byte order mark.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")


def shown(text: str) -> str:
    """One line of text for people; whole escape sequences disappear, other controls become U+FFFD."""
    if not _CONTROL.search(text):
        return text
    return _CONTROL.sub(REPLACEMENT, _SEQUENCE.sub("", text))


def shown_paragraph(text: str) -> str:
    """The same where line ends are meant: an annotation's or an error's text."""
    return "\n".join(shown(line) for line in re.split(r"\r\n|\r|\n", text))
