"""The learner's file made again from archive and streams: the same, whatever of them is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.blobs.memory import MemoryBlobs
from services.learner.archive.parquet import Damaged
from services.learner.archive.shelf import Shelf
from services.learner.reading import FILTERS
from services.learner.replay.archived import Archived
from services.learner.replay.rebuild import rebuild, switch
from services.learner.store.library import Library
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
