"""How results, times and tables look on a terminal: text and mark, never colour alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import datetime

from libs.contracts.results import Result
from libs.views.words import MARKS, between, duration, quoted

__all__ = ["between", "clock", "duration", "line", "plain", "quoted", "result", "size", "table"]

# Bidirectional overrides and isolates are with them: they make a line read otherwise than it runs.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def result(value: Result | None, state: str = "") -> str:
    """`✓ success`; the state where there is no result yet."""
    return f"{MARKS[value]} {value}" if value else state


def clock(time: datetime | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S") if time else ""


def size(count: int) -> str:
    """A number of bytes: `104 MB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count} {unit}"
        count = round(count / 1000)
    return f"{count} GB"


def plain(text: str) -> str:
    """Text from a workflow or a job, safe for a terminal: control characters (escape sequences begin with one) go."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def line(text: str) -> str:
    """The same on one line: what breaks lines could write words of ours."""
    return plain(" ".join(text.split()))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; columns of a pipe are as wide as they need to be."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(plain(str(cell))) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 10_000)
    console.print(shown, soft_wrap=not sys.stdout.isatty())
