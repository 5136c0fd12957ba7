"""Files: archives in and out, small files, and archives that mean harm."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.vm_agent.sandbox import archive, streamed
from services.vm_agent.sandbox.protocol import ArchiveRefused, FileTrouble, Sandbox
from tests.contract.sandbox.conftest import shell

Fill = Callable[[tarfile.TarFile], None]


def tar_of(fill: Fill) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        fill(tar)
    return made.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", data: bytes = b"", mode: int = 0o644) -> Fill:
    def fill(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size, info.mode = kind, link, len(data), mode
        tar.addfile(info, io.BytesIO(data))

    return fill


def both(first: Fill, second: Fill) -> Fill:
    def fill(tar: tarfile.TarFile) -> None:
        first(tar)
        second(tar)

    return fill


def make_tree(root: Path) -> None:
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "plain").write_bytes(bytes(range(256)) * 5000)
    (root / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (root / "run.sh").chmod(0o755)
    (root / "sub" / ("long" * 60)).write_text("a long name")
    (root / "sub" / "ünicode").write_text("u")
    (root / "link").symlink_to("sub/ünicode")
    (root / "outward").symlink_to("/usr/share")
    (root / "hard").hardlink_to(root / "plain")
    (root / "closed").mkdir(mode=0o755)
    (root / "closed" / "inside").write_text("x")
    (root / "closed").chmod(0o555)


def seen(root: Path) -> dict[str, tuple[int, object]]:
    def content(path: Path) -> object:
        if path.is_symlink():
            return path.readlink()
        return path.read_bytes() if path.is_file() else None

    return {str(path.relative_to(root)): (path.lstat().st_mode, content(path)) for path in sorted(root.rglob("*"))}


async def test_a_folder_comes_back_as_it_went_in(sandbox: Sandbox, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.mkdir()
    back.mkdir()
    make_tree(source)
    place = f"{sandbox.paths.work}/new/place"
    await sandbox.put(streamed.pack(lambda sink: archive.pack(str(source), sink)), place)
    assert (await shell(sandbox, f"{place}/run.sh; cat {place}/link")) == (0, "ran\nu")
    await streamed.unpack(sandbox.get(place), str(back))
    assert seen(back) == seen(source)


async def test_one_file_can_be_fetched(sandbox: Sandbox, tmp_path: Path) -> None:
    await sandbox.write_file(f"{sandbox.paths.temp}/one", b"content")
    await streamed.unpack(sandbox.get(f"{sandbox.paths.temp}/one"), str(tmp_path))
    assert (tmp_path / "one").read_bytes() == b"content"


async def test_what_was_put_belongs_to_the_job(sandbox: Sandbox) -> None:
    await sandbox.put(tar_of(entry("file", data=b"old")), sandbox.paths.work)
    assert await shell(sandbox, "echo new > file && cat file && rm file") == (0, "new\n")


async def test_set_uid_bits_do_not_travel(sandbox: Sandbox) -> None:
    await sandbox.put(tar_of(entry("file", mode=0o6755)), sandbox.paths.work)
    assert await shell(sandbox, "stat -c %a file") == (0, "755\n")


HOSTILE: dict[str, Fill] = {
    "an absolute name": entry("/tmp/firebreak-escaped", data=b"x"),
    "a name that climbs": entry("../escaped", data=b"x"),
    "a name that climbs in the middle": entry("a/../../escaped", data=b"x"),
    "through a link of its own": both(entry("out", tarfile.SYMTYPE, "/tmp"), entry("out/escaped", data=b"x")),
    "a folder through a link": both(entry("out", tarfile.SYMTYPE, ".."), entry("out/folder", tarfile.DIRTYPE)),
    "a hard link outside": entry("passwd", tarfile.LNKTYPE, "/etc/passwd"),
    "a hard link that climbs": entry("passwd", tarfile.LNKTYPE, "../../../../etc/passwd"),
    "a hard link through a link": both(
        entry("etc", tarfile.SYMTYPE, "/etc"), entry("passwd", tarfile.LNKTYPE, "etc/passwd")
    ),
    "a hard link to a link": both(
        entry("etc", tarfile.SYMTYPE, "/etc/passwd"), entry("passwd", tarfile.LNKTYPE, "etc")
    ),
    "a device": entry("zero", tarfile.CHRTYPE),
    "a pipe": entry("pipe", tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_archive_is_refused(sandbox: Sandbox, name: str) -> None:
    place = f"{sandbox.paths.work}/in"
    with pytest.raises(ArchiveRefused):
        await sandbox.put(tar_of(HOSTILE[name]), place)
    _, found = await shell(sandbox, f"ls {sandbox.paths.work} /tmp; ls -A {place}")
    assert "escaped" not in found
    assert "passwd" not in found


async def test_a_link_that_the_job_planted_is_not_followed(sandbox: Sandbox) -> None:
    await shell(sandbox, "mkdir in; ln -s /tmp in/sub; ln -s /tmp/target in/file")
    with pytest.raises(ArchiveRefused):
        await sandbox.put(tar_of(entry("sub/firebreak-escaped", data=b"x")), f"{sandbox.paths.work}/in")
    await sandbox.put(tar_of(entry("file", data=b"x")), f"{sandbox.paths.work}/in")
    assert await shell(sandbox, "cat in/file; ls /tmp | grep -e escaped -e target") == (1, "x")


async def test_garbage_is_no_archive(sandbox: Sandbox) -> None:
    with pytest.raises(ArchiveRefused):
        await sandbox.put(b"garbage" * 1000, f"{sandbox.paths.work}/in")


async def test_an_archive_that_breaks_off_is_refused(sandbox: Sandbox) -> None:
    whole = tar_of(entry("file", data=b"x" * 100_000))
    with pytest.raises(ArchiveRefused):
        await sandbox.put(whole[:50_000], f"{sandbox.paths.work}/in")


async def test_a_source_that_fails_fails_the_put_and_nothing_else(sandbox: Sandbox) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield tar_of(entry("file", data=b"x" * 5_000_000))[:3_000_000]
        raise ValueError("the mirror is gone")

    with pytest.raises(ValueError, match="the mirror is gone"):
        await sandbox.put(failing(), f"{sandbox.paths.work}/in")
    assert await shell(sandbox, "echo fine") == (0, "fine\n")


async def test_what_is_not_there_cannot_be_fetched(sandbox: Sandbox) -> None:
    with pytest.raises(FileTrouble):
        [piece async for piece in sandbox.get(f"{sandbox.paths.work}/nothing")]


async def test_a_fetch_may_be_left_early(sandbox: Sandbox) -> None:
    await shell(sandbox, "head -c 20000000 /dev/urandom > big")
    stream = sandbox.get(sandbox.paths.work)
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]
    assert await shell(sandbox, "echo fine") == (0, "fine\n")


async def test_the_promised_folders_are_there_and_writable(sandbox: Sandbox) -> None:
    paths = (sandbox.paths.home, sandbox.paths.work, sandbox.paths.temp, sandbox.paths.tool_cache)
    for path in paths:
        assert await shell(sandbox, f"touch {path}/x && rm {path}/x && ls -A {path} | grep -v -e work -e _temp")


async def test_small_files_come_and_go(sandbox: Sandbox) -> None:
    path = f"{sandbox.paths.temp}/a/new/file"
    assert await sandbox.read_file(path) is None
    await sandbox.write_file(path, b"first version")
    await sandbox.write_file(path, bytes(range(256)), 0o755)
    assert await sandbox.read_file(path) == bytes(range(256))
    assert await shell(sandbox, f"stat -c %a {path}; echo more >> {path}") == (0, "755\n")
    assert await sandbox.read_file(path) == bytes(range(256)) + b"more\n"
    await sandbox.write_file(path, b"")
    assert await sandbox.read_file(path) == b""


async def test_files_of_several_windows_pass(sandbox: Sandbox) -> None:
    data = bytes(range(256)) * 20_000
    await sandbox.write_file(f"{sandbox.paths.temp}/file", data)
    assert await sandbox.read_file(f"{sandbox.paths.temp}/file") == data


async def test_a_file_over_the_limit_is_not_read(sandbox: Sandbox) -> None:
    await sandbox.write_file(f"{sandbox.paths.temp}/file", b"x" * 1001)
    with pytest.raises(FileTrouble):
        await sandbox.read_file(f"{sandbox.paths.temp}/file", 1000)
    assert len(await sandbox.read_file(f"{sandbox.paths.temp}/file", 1001) or b"") == 1001


@pytest.mark.parametrize("made", ["mkdir file", "mkfifo file", "ln -s /dev/zero file"])
async def test_what_a_job_put_in_a_files_place_neither_hangs_nor_floods(sandbox: Sandbox, made: str) -> None:
    await shell(sandbox, made)
    with pytest.raises(FileTrouble):
        await sandbox.read_file(f"{sandbox.paths.work}/file", 1000)


async def test_a_file_cannot_be_written_over_a_folder(sandbox: Sandbox) -> None:
    with pytest.raises(FileTrouble):
        await sandbox.write_file(sandbox.paths.work, b"x")
