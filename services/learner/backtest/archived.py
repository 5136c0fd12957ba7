"""A trace out of an archive's folder: the days that it has of EVENTS, in the order of their places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from libs.bus.port import Stored
from libs.contracts.envelope import decode_commit, envelopes
from libs.contracts.subjects import EVENTS
from services.learner.archive.parquet import Groups
from services.learner.archive.shelf import Shelf
from services.learner.backtest.recorded import BadTrace, Recorder, Skipped
from services.learner.backtest.trace import Ending


def archived(folder: Path) -> tuple[list[Ending], Skipped]:
    """The endings by their start, and what was left out. Raises BadTrace, and archive.parquet.Damaged with the file."""
    recorder = Recorder()
    for stored in _messages(folder):
        try:
            for envelope in envelopes(decode_commit(stored.data), stored.seq):
                recorder.read(envelope)
        except ValueError as error:
            raise BadTrace(f"{EVENTS} {stored.seq} in {folder} is no commit of events: {error}") from None
    return recorder.endings, recorder.skipped


def _messages(folder: Path) -> Iterator[Stored]:
    shelf = Shelf(folder)
    for day in shelf.days(EVENTS):
        with Groups(shelf.check(day)) as groups:
            for group in range(len(groups)):
                yield from groups.read(group)
