"""An initrd's archive, read back as the kernel reads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from services.vm_agent.image.cpio import Entry, archive

FIELDS, WIDTH, HEADER = 13, 8, 110


class Member(NamedTuple):
    mode: int
    data: bytes
    times_and_owner: tuple[int, ...]


def members(data: bytes) -> dict[str, Member]:
    """Of a "newc" archive, by path, as its format describes it."""
    found: dict[str, Member] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        assert at % 4 == 0
        _, mode, uid, gid, _, mtime, size, *_, name_size, _ = (
            int(data[at + 6 + WIDTH * number : at + 14 + WIDTH * number], 16) for number in range(FIELDS)
        )
        name = data[at + HEADER : at + HEADER + name_size - 1].decode()
        begin = (at + HEADER + name_size + 3) // 4 * 4
        if name == "TRAILER!!!":
            return found
        found[name] = Member(mode, data[begin : begin + size], (uid, gid, mtime))
        at = (begin + size + 3) // 4 * 4


def test_what_goes_in_comes_out() -> None:
    given = [Entry("bin/sh", b"#!\n\x00\xff", 0o755), Entry("bin"), Entry("note", b"", 0o644)]
    read = members(archive(given))
    assert {name: (member.mode, member.data) for name, member in read.items()} == {
        "bin": (0o040755, b""),
        "bin/sh": (0o100755, b"#!\n\x00\xff"),
        "note": (0o100644, b""),
    }


@pytest.mark.parametrize("size", range(9))
def test_every_length_is_padded_to_four_bytes(size: int) -> None:
    data = bytes(range(size))
    assert members(archive([Entry("a" * (size + 1), data), Entry("z", b"last")]))["z"].data == b"last"


def test_a_folder_comes_before_what_is_in_it() -> None:
    assert list(members(archive([Entry("lib/modules/a.ko", b"x"), Entry("lib/modules"), Entry("lib")]))) == [
        "lib",
        "lib/modules",
        "lib/modules/a.ko",
    ]


def test_neither_the_order_nor_the_time_of_the_build_is_in_it() -> None:
    entries = [Entry("a", b"1"), Entry("b", b"2")]
    assert archive(entries) == archive(reversed(entries))
    assert {member.times_and_owner for member in members(archive(entries)).values()} == {(0, 0, 0)}


@pytest.mark.skipif(shutil.which("cpio") is None, reason="the program cpio is missing: apt-get install cpio")
def test_the_program_cpio_reads_it_too(tmp_path: Path) -> None:
    data = archive([Entry("d"), Entry("d/file", b"content", 0o640)])
    subprocess.run(["cpio", "-id", "--quiet"], input=data, cwd=tmp_path, check=True, timeout=10)
    assert (tmp_path / "d/file").read_bytes() == b"content"
