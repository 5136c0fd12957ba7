"""What a process that folds is asked, and what it answers: a row group of the archive, as facts. msgpack; no I/O."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from libs.bus.port import Stored
from services.learner.folding.facts import Fact
from services.learner.folding.fold import fold
from services.learner.store.columns import TABLE_OF

LENGTH_BYTES = 8
"""Before each frame, big-endian."""


class FoldGroup(msgspec.Struct, frozen=True, array_like=True):
    """Messages up to place `after` are left out."""

    path: str
    group: int
    after: int


class Group(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """`facts` are lists of one kind, by its name; `plans` are messages that need a blob before they can be folded."""

    first: int
    last: Stored | None
    messages: int
    facts: dict[str, msgspec.Raw]
    skipped: dict[str, int]
    plans: tuple[Stored, ...]


class Unreadable(msgspec.Struct, frozen=True, array_like=True, tag=True):
    why: str


_KINDS: dict[str, type[Fact]] = {kind.__name__: kind for kind in TABLE_OF}
_encode = msgspec.msgpack.Encoder().encode
_lists = {name: msgspec.msgpack.Decoder(list[kind]) for name, kind in _KINDS.items()}


def folded(messages: Sequence[Stored], after: int) -> Group:
    """The facts of a row group's messages."""
    facts: dict[str, list[Fact]] = {}
    skipped: dict[str, int] = {}
    plans: list[Stored] = []
    wanted = [message for message in messages if message.seq > after]
    for message in wanted:
        one = fold(message)
        if one.plan is not None:
            plans.append(message)
            continue
        for fact in one.facts:
            facts.setdefault(type(fact).__name__, []).append(fact)
        for kind in one.skipped:
            skipped[kind] = skipped.get(kind, 0) + 1
    return Group(
        first=wanted[0].seq if wanted else 0,
        last=wanted[-1] if wanted else None,
        messages=len(wanted),
        facts={name: msgspec.Raw(_encode(rows)) for name, rows in facts.items()},
        skipped=skipped,
        plans=tuple(plans),
    )


def facts_of(group: Group) -> list[Fact]:
    return [fact for name, rows in group.facts.items() for fact in _lists[name].decode(rows)]
