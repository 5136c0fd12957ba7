"""Archives of images in an operator's folder: which images are in them, and how one comes into a machine."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from services.vm_agent.job.containers.offered import OfferedImages, archive_of, names_in


def tar(path: Path, **files: object) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in files.items():
            data = json.dumps(content).encode()
            info = tarfile.TarInfo(f"{name}.json")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def saved(*tags: str) -> list[dict[str, object]]:
    return [{"Config": "c", "RepoTags": list(tags), "Layers": []}]


def index(**annotations: str) -> dict[str, object]:
    return {
        "schemaVersion": 2,
        "manifests": [{"annotations": {k.replace("_", "."): v for k, v in annotations.items()}}],
    }


def test_the_names_of_an_archive_of_docker_and_of_oci(tmp_path: Path) -> None:
    assert names_in(tar(tmp_path / "a.tar", manifest=saved("redis:7", "ghcr.io/o/app:1"))) == (
        "redis:7",
        "ghcr.io/o/app:1",
    )
    assert names_in(tar(tmp_path / "b.tar.gz", manifest=saved("redis:7"))) == ("redis:7",)
    oci = tar(tmp_path / "c.tar", index=index(io_containerd_image_name="docker.io/library/redis:7"))
    assert names_in(oci) == ("docker.io/library/redis:7",)
    assert names_in(tar(tmp_path / "d.tar", manifest=[{"RepoTags": None}])) == ()


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b broken", b"\0" * 10_240])
def test_what_is_no_archive_offers_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    assert names_in(tmp_path / "x.tar") == ()


def test_a_manifest_that_is_none_offers_nothing(tmp_path: Path) -> None:
    assert names_in(tar(tmp_path / "x.tar", manifest={"not": "a list"})) == ()


async def test_an_image_is_found_by_any_of_its_names_and_changes_count(tmp_path: Path) -> None:
    offered = OfferedImages(tmp_path)
    assert await offered.find("redis:7") is None
    path = tar(tmp_path / "one.tar", manifest=saved("redis:7"))
    for name in ("redis:7", "docker.io/library/redis:7", "docker.io/redis:7"):
        found = await offered.find(name)
        assert found is not None
        assert found.path == path
    assert await offered.find("redis") is None
    tar(path, manifest=saved("postgres:16"))
    os.utime(path, ns=(1, 1))
    assert await offered.find("redis:7") is None
    assert await offered.find("postgres:16") is not None


async def test_no_folder_offers_nothing() -> None:
    assert await OfferedImages(None).find("redis:7") is None


async def test_an_archive_travels_as_a_tar_that_holds_it(tmp_path: Path) -> None:
    path = tar(tmp_path / "one.tar", manifest=saved("redis:7"))
    found = await OfferedImages(tmp_path).find("redis:7")
    assert found is not None
    stream = b"".join([piece async for piece in archive_of(found, "image.tar")])
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        (member,) = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        assert (member.name, file.read()) == ("image.tar", path.read_bytes())
