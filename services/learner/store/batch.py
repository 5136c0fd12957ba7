"""What is written in one transaction: facts, what was skipped, and how far each stream is in. Bounded.

A batch knows nothing of DuckDB and nothing of the bus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from libs.bus.port import Stored
from services.learner.anchor import anchor
from services.learner.folding.facts import Fact
from services.learner.folding.fold import Folded

BATCH_BYTES = 64 * 1024 * 1024
"""Of messages without their bodies: what a full replay batch keeps in memory stays within a small multiple of it."""
FACT_BYTES = 600
"""A fact with its texts, roughly: what a message costs here, whatever the size of the body that was dropped."""


@dataclass(slots=True)
class Position:
    """`seq` is the last message that is in; `anchor` recognizes it, `events` counts messages of this batch."""

    seq: int
    anchor: str
    events: int


@dataclass(slots=True)
class Batch:
    facts: list[Fact] = field(default_factory=list[Fact])
    skipped: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    last: dict[str, Stored] = field(default_factory=dict[str, Stored])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    events: int = 0
    bytes: int = 0

    def add(self, stream: str, stored: Stored, folded: Folded) -> None:
        self.facts.extend(folded.facts)
        for kind in folded.skipped:
            self.skipped[stream, kind] = self.skipped.get((stream, kind), 0) + 1
        self.last[stream] = stored
        self.counts[stream] = self.counts.get(stream, 0) + 1
        self.events += 1
        self.bytes += FACT_BYTES * len(folded.facts)

    def add_group(
        self, stream: str, last: Stored, messages: int, facts: list[Fact], skipped: Mapping[str, int]
    ) -> None:
        """So many messages at once, up to `last`."""
        self.facts.extend(facts)
        for kind, count in skipped.items():
            self.skipped[stream, kind] = self.skipped.get((stream, kind), 0) + count
        self.last[stream] = last
        self.counts[stream] = self.counts.get(stream, 0) + messages
        self.events += messages
        self.bytes += FACT_BYTES * len(facts)

    def full(self, events: int) -> bool:
        return self.events >= events or self.bytes >= BATCH_BYTES

    def positions(self) -> dict[str, Position]:
        return {
            stream: Position(stored.seq, anchor(stored), self.counts[stream]) for stream, stored in self.last.items()
        }
