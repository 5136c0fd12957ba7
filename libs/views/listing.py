"""Several things in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; empty for none."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def counted(count: int, one: str, many: str = "") -> str:
    """`1 run`, `12 runs`; `many` where the plural has no plain s."""
    return f"{count} {one}" if count == 1 else f"{count} {many or one + 's'}"
