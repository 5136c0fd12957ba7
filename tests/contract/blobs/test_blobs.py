from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from libs.blobs.port import BlobMissing, Blobs, BlobsDown
from libs.blobs.store import open_blobs
from libs.contracts.blobs import BlobRef


@pytest.fixture(params=["memory", "folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return open_blobs("memory:" if cast(str, request.param) == "memory" else (tmp_path / "blobs").as_uri())


@pytest.mark.parametrize("data", [b"", b"hello", os.urandom(12 * 1024 * 1024)], ids=["empty", "small", "large"])
async def test_what_is_put_is_got_by_its_digest(blobs: Blobs, data: bytes) -> None:
    ref = await blobs.put(data)
    assert ref == BlobRef(hashlib.sha256(data).hexdigest(), len(data))
    assert await blobs.get(ref) == data
    assert b"".join([chunk async for chunk in blobs.stream(ref)]) == data


async def test_the_same_bytes_twice_are_one_blob(blobs: Blobs) -> None:
    assert await blobs.put(b"same") == await blobs.put(b"same")
    refs = await asyncio.gather(*(blobs.put(b"x" * 100_000) for _ in range(20)))
    assert len(set(refs)) == 1
    assert await blobs.get(refs[0]) == b"x" * 100_000


async def test_a_stream_is_the_same_blob_as_its_bytes(blobs: Blobs) -> None:
    chunks = [os.urandom(700_000) for _ in range(20)]
    ref = await blobs.put_stream(_each(chunks))
    assert ref == await blobs.put(b"".join(chunks))
    assert await blobs.get(ref) == b"".join(chunks)


async def test_an_empty_stream_is_the_empty_blob(blobs: Blobs) -> None:
    assert await blobs.get(await blobs.put_stream(_each([]))) == b""


async def test_a_stream_that_breaks_stores_nothing_and_raises_its_own_error(blobs: Blobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"first"
        raise RuntimeError("the guest is gone")

    with pytest.raises(RuntimeError, match="the guest is gone"):
        await blobs.put_stream(broken())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_what_is_not_there_is_missing(blobs: Blobs) -> None:
    missing = BlobRef("0" * 64, 3)
    with pytest.raises(BlobMissing):
        await blobs.get(missing)
    with pytest.raises(BlobMissing):
        await anext(aiter(blobs.stream(missing)))


async def test_a_wrong_size_is_missing(blobs: Blobs) -> None:
    ref = await blobs.put(b"hello")
    with pytest.raises(BlobMissing):
        await blobs.get(BlobRef(ref.digest, 6))


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "0" * 63, "G" * 64, "A" * 64])
async def test_a_digest_that_is_none_is_no_path(blobs: Blobs, digest: str) -> None:
    with pytest.raises(BlobMissing):
        await blobs.get(BlobRef(digest, 1))


async def test_deleting_erases_and_is_never_an_error(blobs: Blobs) -> None:
    ref = await blobs.put(b"secret")
    await blobs.delete(ref)
    await blobs.delete(ref)
    with pytest.raises(BlobMissing):
        await blobs.get(ref)


async def test_in_a_folder_bytes_that_changed_are_missing(tmp_path: Path) -> None:
    blobs = open_blobs(tmp_path.as_uri())
    ref = await blobs.put(b"hello")
    (tmp_path / "sha256" / ref.digest[:2] / ref.digest).write_bytes(b"jello")
    with pytest.raises(BlobMissing, match="not those"):
        await blobs.get(ref)
    assert await blobs.put(b"hello") == ref
    assert await blobs.get(ref) == b"hello"


async def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    blobs = open_blobs((tmp_path / "file").as_uri())
    with pytest.raises((BlobsDown, BlobMissing), match="file"):
        await blobs.put(b"hello")


async def test_a_folder_whose_name_needs_quoting(tmp_path: Path) -> None:
    blobs = open_blobs((tmp_path / "a b#c").as_uri())
    ref = await blobs.put(b"hello")
    assert (tmp_path / "a b#c" / "sha256" / ref.digest[:2] / ref.digest).read_bytes() == b"hello"


def test_another_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match=r"file:///folder"):
        open_blobs("ftp://example.org/")


async def _each(chunks: list[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
