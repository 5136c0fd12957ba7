"""A sealed file is read whole and unchanged, by its key and for its purpose, or not at all."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.vm_agent.keep import extents
from services.vm_agent.keep.sealing import PIECE_BYTES, Budget, Damaged, Sealer, TooMuch, new_key, opened

KEY = new_key()
SMALL_BYTES = 24 + 4 + 17
"""Header, length and an empty last piece."""


async def seal(path: Path, data: bytes, purpose: str = "disk") -> None:
    sealer = Sealer(path, KEY, purpose, Budget(64 * 1024**2))
    for start in range(0, len(data), 700_001):
        await sealer.take(data[start : start + 700_001])
    await sealer.finish()


async def read(path: Path, key: bytes = KEY, purpose: str = "disk") -> bytes:
    return b"".join([piece async for piece in opened(path, key, purpose)])


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
async def test_what_was_sealed_comes_back(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    await seal(tmp_path / "x", data)
    assert await read(tmp_path / "x") == data
    if size > 16:
        assert data[:16] not in (tmp_path / "x").read_bytes()
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


async def test_a_cut_changed_or_swapped_file_is_noticed(tmp_path: Path) -> None:
    await seal(tmp_path / "x", os.urandom(2 * PIECE_BYTES + 10))
    whole = (tmp_path / "x").read_bytes()
    frame = 4 + PIECE_BYTES + 17
    swapped = whole[:24] + whole[24 + frame : 24 + 2 * frame] + whole[24 : 24 + frame] + whole[24 + 2 * frame :]
    flipped = whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    for bad in (whole[:-1], whole[: 24 + frame], whole[:10], b"", whole + b"x", swapped, flipped):
        (tmp_path / "bad").write_bytes(bad)
        with pytest.raises(Damaged):
            await read(tmp_path / "bad")


async def test_another_key_or_purpose_opens_nothing(tmp_path: Path) -> None:
    await seal(tmp_path / "x", b"data")
    with pytest.raises(Damaged):
        await read(tmp_path / "x", new_key())
    with pytest.raises(Damaged):
        await read(tmp_path / "x", purpose="memory")


async def test_a_length_that_nobody_wrote_is_not_believed(tmp_path: Path) -> None:
    await seal(tmp_path / "x", b"data")
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[:24] + b"\xff\xff\xff\xff" + whole[28:])
    with pytest.raises(Damaged):
        await read(tmp_path / "x")


async def test_several_files_share_one_bound(tmp_path: Path) -> None:
    budget = Budget(100)
    first, second = (Sealer(tmp_path / name, KEY, name, budget) for name in ("a", "b"))
    await first.take(bytes(60))
    with pytest.raises(TooMuch):
        await second.take(bytes(41))
    assert budget.used_bytes == 60
    first.close()
    second.close()


async def test_a_sparse_disk_travels_without_its_holes(tmp_path: Path) -> None:
    disk, size = tmp_path / "disk", 4 * 1024**3
    marks = {0: b"first", 5 * 1024**2: os.urandom(1_500_000), size - 4: b"last"}
    with disk.open("wb") as file:
        file.truncate(size)
        for offset, data in marks.items():
            file.seek(offset)
            file.write(data)
    sealer = Sealer(tmp_path / "sealed", KEY, "disk", Budget(64 * 1024**2))
    await extents.read(str(disk), sealer.take)
    await sealer.finish()
    assert (tmp_path / "sealed").stat().st_size < 8 * 1024**2
    await extents.write(str(tmp_path / "again"), opened(tmp_path / "sealed", KEY, "disk"))
    again = tmp_path / "again"
    assert again.stat().st_size == size
    assert again.stat().st_blocks * 512 < 8 * 1024**2
    with again.open("rb") as file:
        for offset, data in marks.items():
            file.seek(offset)
            assert file.read(len(data)) == data


@pytest.mark.parametrize("cut", [3, 8 + 5, 8 + 12 + 2])
async def test_a_cut_disk_is_noticed(tmp_path: Path, cut: int) -> None:
    pieces: list[bytes] = []

    async def take(data: bytes) -> None:
        pieces.append(data)

    (tmp_path / "disk").write_bytes(b"content")
    await extents.read(str(tmp_path / "disk"), take)

    async def source() -> AsyncIterator[bytes]:
        yield b"".join(pieces)[:cut]

    with pytest.raises(Damaged):
        await extents.write(str(tmp_path / "again"), source())
