"""A line without what differs between two attempts at the same thing: numbers, times, digests, paths of one machine.

What tells failures apart stays: names of tests and files, codes of errors (`TS2322`, `E0382`), exit and HTTP codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

GONE: Final = "#"

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)"
_UNIT = (
    r"(?:ns|us|µs|μs|ms|s|m|h|d|secs?|seconds?|mins?|minutes?|hours?|milliseconds?|[kKMGT]i?B(?:/s)?|[kKMGT]|bytes|B|%)"
)
_IS_TEMPORARY = re.compile(r"/(?:private/)?(?:tmp|var/tmp|var/folders|dev/shm|run/user/\d+)/|/.*/_temp/")
_ENDING = re.compile(r"\.[a-z][a-z0-9]{0,4}$")


def _path(found: re.Match[str]) -> str:
    """Its last part: the folders before it are one machine's. A folder for temporary files gives names that are drawn:
    of what lies there only the ending is kept, and of what lies deeper no folder's name."""
    whole = found[0].rstrip("/\\")
    name = re.split(r"[/\\]", whole)[-1]
    if not _IS_TEMPORARY.match(whole):
        return name
    ending = _ENDING.search(name)
    if ending is None:
        return GONE
    return f"{GONE}{ending[0]}" if _IS_TEMPORARY.sub("", whole) == name else name


_REPLACED: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"\bfile://(?=/)"), ""),
    # Paths of one machine. Not what follows a host's name, a relative folder or a `~`.
    (re.compile(r"(?<![\w/.~@\\#-])/[^\s/:'\"`()<>\[\],;=|]+(?:/[^\s/:'\"`()<>\[\],;=|]+)*/?"), _path),
    (re.compile(r"\b[A-Za-z]:\\[^\s:'\"()<>,;|]+"), _path),
    # Names that are drawn: UUIDs, digests, addresses, temporary files.
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), GONE),
    (re.compile(r"\bsha(?:1|256|384|512)[-:][A-Za-z0-9+/=]{7,}"), GONE),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), GONE),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,64}\b|\b(?=[A-F]*\d)[0-9A-F]{7,64}\b"), GONE),
    (re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{1,4}:){2,7}:?(?:[0-9a-fA-F]{1,4}\b)?|(?<![\w:])::1\b"), GONE),
    (re.compile(r"\btmp(?=[a-z_]*\d|\.)[.\w][a-zA-Z0-9_]{5,11}\b"), GONE),
    (re.compile(r"\b(pytest-of-)\w+|\b(pip-(?:req-build|install|build-env|wheel|ephem-wheel-cache|unpack)-)\w+"), GONE),
    (re.compile(r"\b(?:[A-Za-z]+\d+){4,}\w*"), GONE),
    # Times.
    (
        re.compile(r"\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]+\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"),
        GONE,
    ),
    (re.compile(rf"\b{_DAY}?(?:\d{{1,2}}\s+)?{_MONTH}\s+\d{{1,2}}\b(?:,?\s+\d{{4}})?"), GONE),
    (re.compile(r"#?\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:[AP]M|UTC|GMT))?(?: \d{4}\b)?"), GONE),
    (re.compile(r"# #"), GONE),
    # Codes stay; they are what a failure is known by.
    (
        re.compile(
            r"(?i)\b(code|status|exit|exited|errno|error|signal|https?(?:/\d(?:\.\d)?)?)([ :=(#]{1,3})(\d{1,4})\b"
        ),
        lambda found: f"{re.sub(r'[0-9./]+$', '', found[1])}{found[2]}{_spelled(found[3])}",
    ),
    # Amounts: with their units, which change with them.
    (re.compile(rf"(?<![\w#])-?\d+(?:[.,]\d+)*\s?{_UNIT}(?![\w/])(?:\s?\d+(?:\.\d+)?\s?{_UNIT}(?![\w/]))*"), GONE),
    (re.compile(r"\bgw\d+\b"), f"gw{GONE}"),
    (re.compile(r"(?<=[A-Za-z_-])\d{5,}"), GONE),
    (re.compile(r"(?<![^\W_])\d+(?:[.:,x]\d+)*(?![^\W_])|(?<![A-Za-z0-9])\d+(?:\.\d+)+"), GONE),
    (re.compile(rf"{GONE}(?:(?:, ?|\.|:|-|/|\+| ){GONE})+"), GONE),
    (re.compile(r"([-=_*~^.!─━═])\1{3,}"), r"\1\1\1"),
    (re.compile(r"\s+"), " "),
)


_DIGITS = str.maketrans("0123456789", "\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009")
_BACK = {
    ord(kept): str(digit) for digit, kept in enumerate("\ue000\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009")
}


def _spelled(digits: str) -> str:
    """Digits that are to stay, out of sight of the rules that follow."""
    return digits.translate(_DIGITS)


def normalise(line: str) -> str:
    """Of a plain line; normalising again changes nothing that counts."""
    for pattern, with_ in _REPLACED:
        line = pattern.sub(with_, line)
    return line.translate(_BACK).strip()
