"""Marks, durations and spans in the same words wherever a run is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from libs.contracts.results import Result

MARKS: dict[Result, str] = {
    "success": "✓",
    "failure": "✗",
    "error": "!",
    "timeout": "⧖",
    "cancellation": "⊘",
    "skip": "-",
}
"""Beside a word, never in its place."""


Quote = Callable[[str], str]
"""Makes text that others wrote harmless where a sentence is shown: a code span in a comment, backticks on a page."""


def quoted(text: str) -> str:
    """A name in a sentence, where nothing is rendered."""
    return f"`{text}`"


def duration(milliseconds: float | None) -> str:
    """`340 ms`, `4.2 s`, `3 min 05 s`, `2 h 10 min`; empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{max(milliseconds, 0):.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def between(start: datetime | None, end: datetime | None) -> str:
    """The time from one to the other; empty where one of them is not there yet."""
    return duration((end - start).total_seconds() * 1000) if start and end else ""
