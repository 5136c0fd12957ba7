"""What a guest answers when a folder of it is asked for is unpacked on the host: nothing gets out of the new folder."""

from __future__ import annotations

import asyncio
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.vm_agent.sandbox import archive, streamed
from services.vm_agent.sandbox.protocol import ArchiveRefused, FileTrouble, Sandbox
from tests.contract.sandbox.hostile import tars
from tests.contract.sandbox.hostile.conftest import Attack, beside
from tests.contract.sandbox.hostile.tars import entry, link, pax

pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="module")]
END = bytes(2 * tars.BLOCK)
MOST_BYTES, MOST_ENTRIES = 8 * 1024**2, 5000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder, beside it what must not be touched."""
    (tmp_path / "around").mkdir()
    (tmp_path / "around" / "secret").write_text("secret")
    (tmp_path / "around" / "place").mkdir()
    return tmp_path / "around" / "place"


@pytest.mark.parametrize("trick", tars.REFUSED)
async def test_an_archive_with_a_trick_is_refused(honest: Sandbox, hostile: Attack, place: Path, trick: str) -> None:
    machine = hostile("the archive", tars.REFUSED[trick] + END)
    await machine.start()
    async with beside(honest):
        with pytest.raises((ArchiveRefused, FileTrouble)):
            await streamed.unpack(machine.get("/x"), str(place))
    nothing_got_out(place)
    await machine.destroy()


async def test_modes_and_owners_do_not_travel(hostile: Attack, place: Path) -> None:
    said = entry("program", data=b"x", mode=0o6777, uid=0, gid=0) + entry("folder", tarfile.DIRTYPE, mode=0o7777)
    machine = hostile("the archive", said + END)
    await machine.start()
    await streamed.unpack(machine.get("/x"), str(place))
    await machine.destroy()
    for name in ("program", "folder"):
        assert not stat.S_IMODE(os.lstat(place / name).st_mode) & 0o7000
    assert os.lstat(place / "program").st_uid == os.getuid()


async def test_the_last_of_a_name_counts_and_a_link_is_replaced_not_followed(hostile: Attack, place: Path) -> None:
    said = entry("a", data=b"1") + link("b", "../secret") + entry("b", data=b"mine") + entry("a", data=b"2")
    machine = hostile("the archive", said + pax(path="ä/ö") + entry("x", data=b"3") + END)
    await machine.start()
    await streamed.unpack(machine.get("/x"), str(place))
    await machine.destroy()
    assert [(place / name).read_text() for name in ("a", "b", "ä/ö")] == ["2", "mine", "3"]
    nothing_got_out(place)


@pytest.mark.parametrize("kind", tars.ENDLESS)
async def test_an_archive_without_an_end_is_refused_at_its_bounds(honest: Sandbox, place: Path, kind: str) -> None:
    def unpack() -> None:
        archive.unpack(Pieces(tars.ENDLESS[kind]()), str(place), most_bytes=MOST_BYTES, most_entries=MOST_ENTRIES)

    async with beside(honest):
        with pytest.raises(ArchiveRefused):
            await asyncio.to_thread(unpack)
    nothing_got_out(place)


def nothing_got_out(place: Path) -> None:
    assert sorted(os.listdir(place.parent)) == ["place", "secret"]
    secret = place.parent / "secret"
    assert secret.read_text() == "secret"
    assert secret.stat().st_nlink == 1
    for inside in place.rglob("*"):
        assert stat.S_IFMT(inside.lstat().st_mode) in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


class Pieces:
    """A stream to read from that is made as it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        while len(self._rest) < size:
            self._rest += next(self._pieces)
        data, self._rest = self._rest[:size], self._rest[size:]
        return data
