"""Closed days of the streams as files: each once, whole, and none of them forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from services.learner.archive.archivist import Archivist
from services.learner.archive.parquet import Damaged
from services.learner.archive.writing import DayWriter
from services.learner.reading import FILTERS
from tests.contract.learner.kept import DAY, DELIVERIES, EVENTS, Kept
from tests.fakes.calendar import CalendarBus


async def test_closed_days_are_kept_as_they_were(kept: Kept) -> None:
    await kept.day()
    await kept.day(2)
    await kept.history.one_run(9).whole()
    assert await kept.archive() == [date(2026, 11, 1), date(2026, 11, 2)]
    log = await kept.log()
    assert kept.messages() == log[:27]
    assert kept.messages()[0].headers["traceparent"]
    first, second = kept.shelf.days(EVENTS)
    assert (first.after, first.first, first.last, first.messages) == (0, 1, 9, 9)
    assert (second.after, second.first, second.last, second.lost) == (9, 10, 27, 0)


async def test_a_day_is_written_once(kept: Kept) -> None:
    await kept.day()
    assert await kept.archive() == [date(2026, 11, 1)]
    (day,) = kept.shelf.days(EVENTS)
    before = kept.shelf.file(day).stat()
    assert await kept.archive() == []
    assert kept.shelf.file(day).stat() == before
    again = DayWriter(kept.shelf, EVENTS, day.day, after=0)
    again.write(await kept.log())
    with pytest.raises(Damaged, match="never written twice"):
        again.finish()


async def test_a_day_is_closed_some_minutes_after_midnight(kept: Kept) -> None:
    await kept.day()
    midnight = datetime(2026, 11, 2, tzinfo=UTC)
    assert await kept.archive(now=midnight + timedelta(minutes=9)) == []
    assert await kept.archive(now=midnight + timedelta(minutes=10)) == [date(2026, 11, 1)]


async def test_days_that_passed_without_a_learner_are_all_written(kept: Kept) -> None:
    for _ in range(5):
        await kept.day()
    kept.bus.now += 10 * DAY
    await kept.day()
    assert len(await kept.archive()) == 6


async def test_both_streams_have_their_files(kept: Kept) -> None:
    await kept.history.delivered(body=bytes(range(256)))
    await kept.day()
    await kept.archive()
    await kept.archive(DELIVERIES)
    assert [path.name for path in sorted((kept.shelf.folder / "2026-11-01").iterdir())] == [
        "DELIVERIES.json",
        "DELIVERIES.parquet",
        "EVENTS.json",
        "EVENTS.parquet",
    ]
    assert kept.messages(DELIVERIES) == await kept.log(DELIVERIES)


async def test_where_the_servers_clock_was_set_back_every_message_is_in_one_day(kept: Kept) -> None:
    await kept.day()
    await kept.day()
    kept.bus.now -= 2 * DAY
    await kept.day()
    kept.bus.now += 2 * DAY
    assert await kept.archive() == [date(2026, 11, 1), date(2026, 11, 2)]
    assert kept.messages() == await kept.log()
    kept.bus.now -= 2 * DAY
    await kept.day()
    kept.bus.now += 3 * DAY
    assert await kept.archive() == [date(2026, 11, 3)], "it belongs to a day that was not written yet"
    assert kept.messages() == await kept.log()


async def test_a_day_that_is_missing_is_written_again_while_the_stream_has_it(kept: Kept) -> None:
    for _ in range(3):
        await kept.day()
    await kept.archive()
    for day in kept.shelf.days(EVENTS)[:2]:
        kept.shelf.file(day).unlink()
        kept.shelf.manifest(day).unlink()
    assert await kept.archive() == [date(2026, 11, 1), date(2026, 11, 2)]
    assert kept.messages() == await kept.log()


async def test_what_was_erased_is_no_hole(kept: Kept) -> None:
    await kept.day()
    kept.bus.forget(EVENTS, 4, 9)
    await kept.day()
    await kept.archive()
    assert kept.messages() == await kept.log()
    assert [day.lost for day in kept.shelf.days(EVENTS)] == [0, 0]
    assert await kept.archive() == []


async def test_what_the_stream_lost_before_it_was_archived_is_said(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    await kept.day()
    await kept.archive()
    await kept.day()
    await kept.day()
    kept.bus.forget(EVENTS, *range(1, 22))
    assert await kept.archive() == [date(2026, 11, 3)]
    assert [day.lost for day in kept.shelf.days(EVENTS)] == [0, 12]
    assert "they are lost  stream=EVENTS first=10 messages=12" in capsys.readouterr().err


async def test_another_stream_of_that_name_does_not_mix_with_what_is_there(kept: Kept) -> None:
    await kept.day()
    await kept.day()
    await kept.archive()
    old = kept.messages()
    shelf, kept_before = kept.shelf, kept
    kept = Kept(shelf.folder)
    await kept.day(2)
    assert await kept.archive() == [date(2026, 11, 1)]
    assert kept.messages() == await kept.log()
    earlier = Kept(shelf.folder / "earlier" / "1")
    assert earlier.messages() == old == await kept_before.log()


async def test_a_stream_that_was_put_back_from_an_older_copy_keeps_the_days_that_are_its_own(kept: Kept) -> None:
    await kept.day()
    await kept.day()
    await kept.archive()
    kept.bus.forget(EVENTS, *range(10, 19))
    bus = CalendarBus()
    bus.put_back(EVENTS, (await kept.log())[:9])
    kept.bus, kept.history.bus = bus, bus
    bus.now = datetime(2026, 11, 5, 12, tzinfo=UTC)
    await kept.day()
    assert await kept.archive() == [date(2026, 11, 5)]
    assert [day.day.day for day in kept.shelf.days(EVENTS)] == [1, 5]


async def test_a_writer_that_died_leaves_nothing_that_counts(kept: Kept) -> None:
    await kept.day()
    writer = DayWriter(kept.shelf, EVENTS, date(2026, 11, 1), after=0)
    writer.write((await kept.log())[:3])
    assert kept.shelf.days(EVENTS) == []
    assert await kept.archive() == [date(2026, 11, 1)]
    assert kept.messages() == await kept.log()
    assert len(list((kept.shelf.folder / "2026-11-01").iterdir())) == 2


async def test_a_file_without_its_manifest_is_put_out_of_the_way_and_not_lost(kept: Kept) -> None:
    await kept.day()
    await kept.archive()
    (day,) = kept.shelf.days(EVENTS)
    content = kept.shelf.file(day).read_bytes()
    kept.shelf.manifest(day).unlink()
    assert await kept.archive() == [day.day]
    (undeclared,) = (kept.shelf.folder / "2026-11-01").glob("*.undeclared")
    assert undeclared.read_bytes() == content


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
async def test_a_damaged_file_is_named(kept: Kept, damage: str) -> None:
    await kept.day()
    await kept.archive()
    (day,) = kept.shelf.days(EVENTS)
    path = kept.shelf.file(day)
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-100])
    else:
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    with pytest.raises(Damaged, match=r"2026-11-01/EVENTS\.parquet"):
        kept.shelf.check(day)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99}'])
async def test_a_damaged_manifest_is_named_and_nothing_is_written_over_it(kept: Kept, text: str) -> None:
    await kept.day()
    await kept.archive()
    (day,) = kept.shelf.days(EVENTS)
    kept.shelf.manifest(day).write_text(text)
    with pytest.raises(Damaged, match=r"2026-11-01/EVENTS\.json"):
        await kept.archive()


async def test_any_tool_reads_it(kept: Kept) -> None:
    import duckdb

    await kept.day()
    await kept.archive()
    query = f"SELECT seq, subject, decode(data)::JSON->>'subject' FROM '{kept.shelf.folder}/*/EVENTS.parquet' LIMIT 1"
    assert duckdb.sql(query).fetchall() == [(1, "ev.run.octo.hello~world.1", "ev.run.octo.hello~world.1")]


async def test_it_says_when_the_stream_is_about_to_drop_what_is_not_archived(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    await kept.day()
    kept.shelf.folder.write_text("a file where the folder should be")

    async def looked(now: datetime) -> str:
        archivist = Archivist(kept.bus, kept.shelf, {EVENTS: FILTERS[EVENTS]}, lambda: now, rest=0)
        await archivist.look(EVENTS)
        return capsys.readouterr().err

    assert "a day could not be archived" in await looked(kept.bus.now)
    assert "drops days soon" not in await looked(kept.bus.now + 160 * DAY)
    assert "drops days soon" in await looked(kept.bus.now + 170 * DAY)


async def test_a_gap_that_nobody_can_fill_is_said(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        await kept.day()
    await kept.archive()
    gone = kept.shelf.days(EVENTS)[1]
    kept.shelf.file(gone).unlink()
    kept.shelf.manifest(gone).unlink()
    kept.bus.forget(EVENTS, *range(1, 20))
    assert await kept.archive() == []
    assert "does not have it any more  stream=EVENTS first=10 last=18" in capsys.readouterr().err
