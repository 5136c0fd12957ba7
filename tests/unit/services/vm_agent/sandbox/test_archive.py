"""The bounds of archives; what they may name is in the contract suite, for every driver."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.vm_agent.sandbox import archive
from services.vm_agent.sandbox.protocol import ArchiveRefused, FileTrouble


def tar_of(*names: str, size: int = 10) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = size
            tar.addfile(info, io.BytesIO(b"x" * size))
    made.seek(0)
    return made


def link(target: str) -> io.BytesIO:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        info = tarfile.TarInfo("folder/link")
        info.type, info.linkname = tarfile.SYMTYPE, target
        tar.addfile(info)
    made.seek(0)
    return made


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    archive.unpack(tar_of("a", "b"), str(tmp_path), most_entries=2)
    with pytest.raises(ArchiveRefused, match="larger than its bounds"):
        archive.unpack(tar_of("a", "b", "c"), str(tmp_path), most_entries=2)


def test_too_many_bytes_are_refused_before_they_are_written(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="larger than its bounds"):
        archive.unpack(tar_of("a", "b", size=100), str(tmp_path), most_bytes=199)
    assert not (tmp_path / "b").exists()


def test_a_name_of_gigabytes_is_not_read_into_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 4 * 1024**3
    with pytest.raises(ArchiveRefused, match="header of 4294967296 bytes"):
        archive.unpack(io.BytesIO(header.tobuf(tarfile.GNU_FORMAT)), str(tmp_path))


@pytest.mark.parametrize("target", ["/etc", "../..", "../../x", "a/../../../x"])
def test_for_the_host_itself_links_must_stay_inside(tmp_path: Path, target: str) -> None:
    with pytest.raises(ArchiveRefused, match="leads outside"):
        archive.unpack(link(target), str(tmp_path), links_inside=True)
    archive.unpack(link("../beside"), str(tmp_path), links_inside=True)


def test_a_folder_that_is_not_there_is_trouble(tmp_path: Path) -> None:
    with pytest.raises(FileTrouble):
        archive.pack(str(tmp_path / "nothing"), io.BytesIO())


@given(some.binary(max_size=2000))
def test_any_bytes_are_unpacked_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        archive.unpack(io.BytesIO(data), str(folder))
    except (ArchiveRefused, FileTrouble):
        return
    assert list(folder.iterdir()) == []
