"""Lines of a log that may be the cause of its failure, found without a model: whoever chooses one chooses of these.

A model that may cite any line cites the one that tells it to; see the reference's injected line. Here every line is
rated by how it looks, whatever it says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from libs.failures.lines import Rank, plain, rank
from libs.failures.normal import normalise

CANDIDATES: Final = 12
"""What a small model can compare, and a person reads."""
TEXT_CHARACTERS: Final = 300
KEPT_A_RANK: Final = 64
"""Of each rank the last lines: a log that is all errors takes no more memory than others."""

_TELLING: Final = (Rank.TEST, Rank.PLACED, Rank.ERROR, Rank.SIGNAL)


class Candidate(NamedTuple):
    """`line` counts from 0 over the lines that were given; `text` is plain and cut, as it was printed otherwise."""

    line: int
    text: str
    rank: Rank


def candidates(lines: Iterable[str], most: int = CANDIDATES) -> tuple[Candidate, ...]:
    """Of masked lines, in their order. Those that say most come first when some must be left out, then the later ones;
    of lines that differ in numbers alone the first stands for all. Without any that tells of an error, the last lines.
    """
    kept: dict[Rank, deque[Candidate]] = {place: deque(maxlen=KEPT_A_RANK) for place in Rank}
    for number, raw in enumerate(lines):
        line = plain(raw)
        place = rank(line)
        kept[place].append(Candidate(number, line[:TEXT_CHARACTERS], place))
    telling = [each for place in _TELLING for each in reversed(_different(kept[place]))]
    quiet = [*reversed(kept[Rank.WRAPPER]), *reversed(kept[Rank.PLAIN])]
    return tuple(sorted((telling or quiet)[:most]))


def _different(found: Iterable[Candidate]) -> list[Candidate]:
    first: dict[str, Candidate] = {}
    for each in found:
        first.setdefault(normalise(each.text), each)
    return list(first.values())
