"""Which subjects a filter means: `*` is one token, a last `>` is one or more. Pure; knows no stream."""

from __future__ import annotations

REMEMBERED_SUBJECTS = 4096
"""An aggregate's subject comes several times in a row, so the answer is kept; beyond this many, all are forgotten."""


def matches(pattern: str, subject: str) -> bool:
    """Whether an exact subject is one of those that the pattern means."""
    if pattern in (subject, ">"):
        return True
    wanted, given = pattern.split("."), subject.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(given) <= len(wanted):
            return False
    elif len(given) != len(wanted):
        return False
    return all(token in ("*", there) for token, there in zip(wanted, given, strict=False))


def overlap(one: str, other: str) -> bool:
    """Whether some subject is meant by both patterns: on a work queue, two consumers must not overlap."""
    left, right = one.split("."), other.split(".")
    for mine, theirs in zip(left, right, strict=False):
        if ">" in (mine, theirs):
            return True
        if mine != theirs and "*" not in (mine, theirs):
            return False
    return len(left) == len(right)


def is_exact(subject: str) -> bool:
    """No wildcard in it."""
    return "*" not in subject and ">" not in subject


class Matcher:
    """Several filters as one question; none at all means everything."""

    def __init__(self, filters: tuple[str, ...]) -> None:
        self._filters = filters
        self._known: dict[str, bool] = {}

    def __call__(self, subject: str) -> bool:
        answer = self._known.get(subject)
        if answer is None:
            answer = not self._filters or any(matches(pattern, subject) for pattern in self._filters)
            if len(self._known) >= REMEMBERED_SUBJECTS:
                self._known.clear()
            self._known[subject] = answer
        return answer
