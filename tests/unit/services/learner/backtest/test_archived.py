"""A trace out of an archive's days: the same as out of the log's lines."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libs.bus.port import Stored
from libs.contracts.envelope import Envelope, commit, encode
from libs.contracts.ids import Cause, CommitId
from libs.contracts.run import RunPlanned
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.archive.writing import DayWriter
from services.learner.backtest.archived import archived
from services.learner.backtest.recorded import BadTrace, recorded
from tests.unit.services.learner.backtest.test_recorded import NOON, PLAN, finished, lines, queued

DAY = timedelta(days=1)


def stored(seq: int, line: bytes) -> Stored:
    envelope = msgspec.json.decode(line, type=Envelope)
    body = encode(
        msgspec.structs.replace(
            commit(
                id=CommitId(envelope.id),
                source=envelope.source,
                subject=envelope.subject,
                cause=Cause("c"),
                now=envelope.time,
                events=[RunPlanned()],
            ),
            events=(envelope.data,),
        )
    )
    return Stored(seq, envelope.subject, body, envelope.time, {})


def write(folder: Path, days: list[list[Stored]]) -> None:
    after = 0
    for messages in days:
        writer = DayWriter(Shelf(folder), "EVENTS", messages[0].time.date(), after=after)
        writer.write(messages)
        after = writer.finish().last


def test_days_of_an_archive_are_one_trace(tmp_path: Path) -> None:
    today = lines(7, RunPlanned(PLAN), queued(), finished("failure"))
    tomorrow = lines(7, finished("success"), at=NOON + DAY, n=2)
    write(
        tmp_path,
        [[stored(seq, line) for seq, line in enumerate(today, 1)], [stored(4, line) for line in tomorrow]],
    )
    assert archived(tmp_path) == recorded(today + tomorrow)


def test_a_damaged_day_is_named(tmp_path: Path) -> None:
    write(tmp_path, [[stored(1, line) for line in lines(7, RunPlanned(PLAN))]])
    file = tmp_path / "2026-11-24" / "EVENTS.parquet"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(Damaged, match=r"EVENTS\.parquet"):
        archived(tmp_path)


def test_a_message_that_is_no_commit_is_named(tmp_path: Path) -> None:
    write(tmp_path, [[Stored(1, "ev.run.octo.hello.7", b"{}", NOON, {})]])
    with pytest.raises(BadTrace, match="EVENTS 1 in"):
        archived(tmp_path)


def test_a_folder_without_days_is_an_empty_trace(tmp_path: Path) -> None:
    assert archived(tmp_path)[0] == []
