"""The learner's file made again from archive and streams: the same, whatever of them is left."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from libs.blobs.memory import MemoryBlobs
from libs.contracts import run
from libs.contracts.blobs import BlobRef
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.reading import FILTERS
from services.learner.replay.archived import Archived
from services.learner.replay.frames import facts_of, folded
from services.learner.replay.rebuild import read_streams, rebuild, switch
from services.learner.store.batch import Batch
from services.learner.store.library import Library
from services.learner.store.successor import BeingMade
from tests.contract.learner.kept import DAY, DELIVERIES, EVENTS, Kept
from tests.fakes.contents import contents


def refuse(why: Damaged) -> None:
    raise why


class Replayed:
    """`file` makes a learner's file in a folder of its own."""

    def __init__(self, kept: Kept, folder: Path) -> None:
        self.kept, self.folder, self.blobs = kept, folder, MemoryBlobs()
        self.lost: list[str] = []
        self.stored: list[tuple[str, int]] = []

    def archived(self, shelf: Shelf, *, go_on: bool = False) -> Archived:
        lost = (lambda why: self.lost.append(str(why))) if go_on else refuse
        return Archived(
            self.kept.bus, self.blobs, shelf, lost, lambda stream, place: self.stored.append((stream, place))
        )

    async def file(self, name: str, shelf: Shelf | None = None, *, go_on: bool = False) -> Library:
        library = Library(self.folder / name)
        await rebuild(self.archived(shelf or self.kept.shelf, go_on=go_on), library)
        assert await switch(library)
        return library

    async def from_the_streams(self) -> dict[str, tuple[int, int]]:
        return contents((await self.file("streams", Shelf(self.folder / "no archive"))).live)

    async def from_both(self) -> dict[str, tuple[int, int]]:
        return contents((await self.file("both")).live)


@pytest.fixture
def replayed(kept: Kept, tmp_path: Path) -> Replayed:
    return Replayed(kept, tmp_path / "files")


async def three_days(kept: Kept) -> None:
    """Two of them archived, one in the streams alone."""
    for _ in range(3):
        await kept.history.delivered(f"{kept.runs:08x}-2222-3333-4444-555555555555")
        await kept.day(2)
    kept.bus.now -= DAY
    await kept.archive()
    await kept.archive(DELIVERIES)
    assert [len(kept.shelf.days(stream)) for stream in (EVENTS, DELIVERIES)] == [2, 2]


async def test_the_file_is_the_same_when_the_streams_have_dropped_what_is_archived(replayed: Replayed) -> None:
    kept = replayed.kept
    await three_days(kept)
    expected = await replayed.from_the_streams()
    for stream in FILTERS:
        kept.bus.forget(stream, *range(1, kept.shelf.days(stream)[-1].last + 1))
    assert await replayed.from_both() == expected
    assert expected["step_fact"][0] == 6
    assert expected["delivery_fact"][0] == 3
    assert replayed.stored[-1] == (EVENTS, 54)


async def test_a_damaged_day_that_the_streams_still_have_is_read_there(
    replayed: Replayed, capsys: pytest.CaptureFixture[str]
) -> None:
    await three_days(replayed.kept)
    expected = await replayed.from_the_streams()
    damaged = replayed.kept.shelf.file(replayed.kept.shelf.days(EVENTS)[1])
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert await replayed.from_both() == expected
    assert "2026-11-02/EVENTS.parquet is not what was written" in capsys.readouterr().err


async def test_a_missing_day_that_the_streams_still_have_is_read_there(replayed: Replayed) -> None:
    await three_days(replayed.kept)
    expected = await replayed.from_the_streams()
    missing = replayed.kept.shelf.days(EVENTS)[0]
    replayed.kept.shelf.file(missing).unlink()
    replayed.kept.shelf.manifest(missing).unlink()
    assert await replayed.from_both() == expected


@pytest.mark.parametrize("damage", ["file", "day"])
async def test_what_nobody_has_any_more_is_named_and_nothing_changes(replayed: Replayed, damage: str) -> None:
    kept = replayed.kept
    await three_days(kept)
    library = await replayed.file("before")
    before = contents(library.live)
    first, second = kept.shelf.days(EVENTS)
    kept.bus.forget(EVENTS, *range(1, second.last + 1))
    kept.shelf.file(first).unlink()
    if damage == "day":
        kept.shelf.manifest(first).unlink()
    says = r"2026-11-01/EVENTS\.parquet" if damage == "file" else "no day has the places 1 to 18 of EVENTS"
    with pytest.raises(Damaged, match=says):
        await rebuild(replayed.archived(kept.shelf), library)
    assert contents(library.live) == before
    assert not library.successor.unfinished.exists()
    without = contents((await replayed.file("without", go_on=True)).live)
    assert without["step_fact"][0] == 4
    assert len(replayed.lost) == 1


async def test_the_days_between_archive_and_stream_are_missed(replayed: Replayed) -> None:
    kept = replayed.kept
    await three_days(kept)
    kept.bus.forget(EVENTS, *range(1, 41))
    await replayed.file("without", go_on=True)
    assert replayed.lost == [f"{kept.shelf.folder}: no day has the places 37 to 40 of EVENTS"]


async def test_an_interrupted_replay_goes_on_where_it_was(replayed: Replayed) -> None:
    """As a learner does that is killed while it makes its file anew."""
    await three_days(replayed.kept)
    expected = await replayed.from_the_streams()
    library = Library(replayed.folder / "interrupted")
    archived = replayed.archived(replayed.kept.shelf)
    with library.successor.making() as database:
        group = folded((await replayed.kept.log())[:5], 0)
        batch = Batch()
        assert group.last is not None
        batch.add_group(EVENTS, group.last, group.messages, facts_of(group), group.skipped)
        database.write(batch)
        for stream in FILTERS:
            await archived.replay(stream, database)
        assert database.positions() == {EVENTS: 36, DELIVERIES: 2}
        await read_streams(archived, database)
        library.successor.finish(database)
    assert await switch(library)
    assert contents(library.live) == expected


async def test_plans_in_blobs_are_read_from_the_archive_too(replayed: Replayed) -> None:
    kept = replayed.kept
    one = kept.history.one_run(7, path="large.yml")
    await one.say(run.RunPlanned(plan_blob=await replayed.blobs.put(msgspec.json.encode(one.plan))))
    await one.say(run.RunPlanned(plan_blob=BlobRef("0" * 64, 1)))
    await kept.day()
    await kept.archive()
    library = await replayed.file("both")
    assert contents(library.live)["plan_fact"][0] == 2
    assert contents(library.live)["skipped RunPlanned (plan's blob is missing)"] == (1, 0)


async def test_one_at_a_time(replayed: Replayed) -> None:
    library = Library(replayed.folder / "one")
    with library.successor.making(), pytest.raises(BeingMade):
        await rebuild(replayed.archived(replayed.kept.shelf), library)


async def test_a_learner_takes_what_is_ready_at_its_start(replayed: Replayed) -> None:
    await three_days(replayed.kept)
    library = Library(replayed.folder / "one")
    with library.writing():
        library.open(lambda _: None).close()
    await rebuild(replayed.archived(replayed.kept.shelf), library)
    database = library.open(lambda _: None)
    assert database.positions() == {EVENTS: 54, DELIVERIES: 3}
    database.close()
    assert not library.successor.ready.exists()
