"""What a batch of the log changes in the projection. Pure: rows in, rows out; no database, no bus, no blobs.

A message that this version does not understand is skipped and counted: an older console shows less, it never stops.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from libs.bus.port import Stored
from libs.contracts import subjects
from libs.contracts.envelope import Commit, decode_commit
from libs.contracts.ids import RUN_ID_BITS, RunId
from libs.contracts.intake import IntakeEvent
from libs.views.fold import apply
from services.console.rows import IntakeRow, RunRow, intake_of, take_view, view_of

FILTERS = (subjects.ALL_RUNS, subjects.ALL_ATTEMPTS, subjects.ALL_INTAKES)

MAX_ATTEMPTS = 1_000_000
"""At one job; the number is a column, and nobody tries anything so often."""

_intakes: msgspec.json.Decoder[IntakeEvent] = msgspec.json.Decoder(IntakeEvent)


@dataclass(frozen=True, slots=True)
class EventRow:
    """Columns of the table `event`."""

    seq: int
    run_id: RunId
    job: str
    n: int
    data: bytes


@dataclass(slots=True)
class Changes:
    """`runs` are the rows that were there and the new ones; only those in `changed` are written."""

    runs: dict[RunId, RunRow]
    changed: set[RunId] = field(default_factory=set[RunId])
    events: list[EventRow] = field(default_factory=list[EventRow])
    intakes: list[IntakeRow] = field(default_factory=list[IntakeRow])
    subjects: set[str] = field(default_factory=set[str])
    skipped: int = 0

    def rows(self) -> list[RunRow]:
        return [self.runs[run_id] for run_id in self.changed]


def runs_in(messages: Iterable[Stored]) -> set[RunId]:
    """The runs that these messages are about: their rows must be at hand for `fold`."""
    addresses = (_address(message.subject) for message in messages)
    return {address.run_id for address in addresses if address is not None}


def fold(messages: Iterable[Stored], rows: Mapping[RunId, RunRow]) -> Changes:
    changes = Changes(dict(rows))
    for message in messages:
        changes.subjects.add(message.subject)
        try:
            commit = decode_commit(message.data)
        except msgspec.DecodeError:
            changes.skipped += 1
            continue
        if message.subject.startswith("ev.intake."):
            _on_intake(changes, message, commit)
        else:
            _on_run(changes, message, commit)
    return changes


def _on_run(changes: Changes, message: Stored, commit: Commit) -> None:
    address = _address(message.subject)
    row = changes.runs.get(address.run_id) if address is not None else None
    if row is None and isinstance(address, subjects.RunAddress):
        row = RunRow(
            run_id=address.run_id,
            first_seq=message.seq,
            last_seq=message.seq,
            owner=address.owner,
            repo=address.repo,
            cause=commit.cause,
            repository=f"{address.owner}/{address.repo}",
        )
    if address is None or row is None:
        # No subject of ours, or an attempt at a run that the log has forgotten.
        changes.skipped += 1
        return
    before = row.unknown
    view = apply(view_of(row), commit)
    if view is not None:
        take_view(row, view)
    row.last_seq = message.seq
    changes.skipped += row.unknown - before
    changes.runs[row.run_id] = row
    changes.changed.add(row.run_id)
    job, n = (address.job, address.n) if isinstance(address, subjects.AttemptAddress) else ("", 0)
    changes.events.append(EventRow(message.seq, row.run_id, job, n, message.data))


def _on_intake(changes: Changes, message: Stored, commit: Commit) -> None:
    for place, raw in enumerate(commit.events):
        try:
            event = _intakes.decode(raw)
        except msgspec.ValidationError:
            changes.skipped += 1
            continue
        row = intake_of(event, message.seq, place, commit.cause, commit.time)
        if row is not None:
            changes.intakes.append(row)


def _address(subject: str) -> subjects.RunAddress | subjects.AttemptAddress | None:
    """None for what is no address of ours: its numbers would not even fit into a column."""
    try:
        address = (subjects.parse_run if subject.startswith("ev.run.") else subjects.parse_attempt)(subject)
    except ValueError:
        return None
    n = address.n if isinstance(address, subjects.AttemptAddress) else 1
    return address if 0 < address.run_id < 1 << RUN_ID_BITS and 0 < n <= MAX_ATTEMPTS else None
