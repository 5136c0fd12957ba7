"""What makes two failures the same failure: the one line that says most, without what differs between attempts.

One line, as what stands around it differs with the order of tests and the width of a terminal. The command is no part
of it, so that the same failure is known in another repository. It is made of masked output, and masked once more, since
a line without its colours may say what it did not say before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from libs.failures.lines import LINE_CHARACTERS, Rank, plain, rank
from libs.failures.normal import normalise

SAID_CHARACTERS: Final = 200
"""Of the line in an event; a comment shows it in one line."""

Mask = Callable[[str], str]


class Fingerprint(NamedTuple):
    """`hash` is 16 hexadecimal digits, `said` the line that it is made of, normalised and cut; both empty where nothing
    was said: that two commands failed in silence does not make it the same failure."""

    hash: str
    said: str


def fingerprint(
    exit_code: int | None,
    errors: Sequence[str],
    tail: Sequence[str],
    *,
    mask: Mask = lambda text: text,
    folders: Sequence[str] = (),
) -> Fingerprint:
    """`errors` are the step's annotations, `tail` the last lines that it printed, all masked. `folders` are this
    attempt's own, the workspace and what is temporary: a path in one of them counts from there."""
    line = mask(_telling(_plain([*errors, *tail], folders)))
    if not line:
        return Fingerprint("", "")
    text = f"{exit_code}\n{line}"
    said = line if len(line) <= SAID_CHARACTERS else line[: SAID_CHARACTERS - 1] + "…"
    return Fingerprint(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16], said)


def _telling(lines: Iterable[str]) -> str:
    """1. Of failed tests the first by name: their order is often drawn. 2. Of errors the first: others follow from it.
    3. Without any, the last line."""
    ranked = [(rank(line), line) for line in lines]
    best = max((place for place, _ in ranked), default=Rank.NOISE)
    if best == Rank.NOISE:
        return ""
    lines = [normalise(line) for place, line in ranked if place == best]
    match best:
        case Rank.TEST:
            return min(lines)
        case Rank.PLAIN | Rank.WRAPPER:
            return lines[-1]
        case _:
            return lines[0]


def _plain(texts: Iterable[str], folders: Sequence[str]) -> Iterable[str]:
    own = sorted((folder.rstrip("/") for folder in folders if len(folder) > 1), key=len, reverse=True)
    for text in texts:
        for line in text.split("\n"):
            cut = line[:LINE_CHARACTERS]
            for folder in own:
                cut = cut.replace(f"{folder}/", "").replace(folder, ".")
            yield plain(cut)
