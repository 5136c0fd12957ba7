"""Images that the operator of a host offers to its jobs: archives in one folder, for hosts without a registry, and for
images that are wanted often.

An archive is what `docker save` or `podman save` writes. It goes into a machine only when a job wants it.
"""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from services.vm_agent.job.containers.images import same_image

MANIFEST_BYTES = 4 * 1024**2
"""Of a list of images within an archive."""
PIECE_BYTES = 1024**2
SUFFIXES = (".tar", ".tar.gz", ".tgz")
_MANIFEST, _INDEX = "manifest.json", "index.json"
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_BLOCK = 512


class _Saved(msgspec.Struct):
    """One of Docker's `manifest.json`."""

    RepoTags: list[str] | None = None


class _Referred(msgspec.Struct):
    annotations: dict[str, str] = {}


class _Index(msgspec.Struct):
    """OCI's `index.json`."""

    manifests: list[_Referred] = []


@dataclass(frozen=True, slots=True)
class Offered:
    path: Path
    names: tuple[str, ...]
    bytes: int

    @property
    def file(self) -> str:
        return self.path.name


class OfferedImages:
    """`folder` None offers nothing. Archives are read when they are new or have changed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._read: dict[tuple[str, int, int], Offered] = {}

    async def find(self, name: str) -> Offered | None:
        return None if self._folder is None else await asyncio.to_thread(self._find, name)

    def _find(self, name: str) -> Offered | None:
        assert self._folder is not None
        files = sorted(path for path in self._folder.iterdir() if path.name.endswith(SUFFIXES) and path.is_file())
        offered = map(self._offered, files)
        return next((one for one in offered if any(same_image(tag, name) for tag in one.names)), None)

    def _offered(self, path: Path) -> Offered:
        status = path.stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in self._read:
            self._read[key] = Offered(path, names_in(path), status.st_size)
        return self._read[key]


def names_in(path: Path) -> tuple[str, ...]:
    """The images of an archive, none where it is none."""
    names: list[str] = []
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name in (_MANIFEST, _INDEX) and member.isfile() and member.size <= MANIFEST_BYTES:
                    file = archive.extractfile(member)
                    names += _names(member.name, file.read() if file is not None else b"")
    except (OSError, tarfile.TarError, EOFError, msgspec.MsgspecError):
        return ()
    return tuple(dict.fromkeys(names))


def _names(member: str, data: bytes) -> list[str]:
    if member == _MANIFEST:
        return [tag for one in msgspec.json.decode(data, type=list[_Saved]) for tag in one.RepoTags or ()]
    index = msgspec.json.decode(data, type=_Index)
    return [one.annotations[key] for one in index.manifests for key in _NAMES if key in one.annotations]


async def archive_of(offered: Offered, name: str) -> AsyncIterator[bytes]:
    """The file, as a tar that holds it under that name."""
    info = tarfile.TarInfo(name)
    info.size = offered.bytes
    info.mode = 0o644
    yield info.tobuf(tarfile.GNU_FORMAT)
    file = await asyncio.to_thread(offered.path.open, "rb")
    try:
        left = offered.bytes
        while left and (piece := await asyncio.to_thread(file.read, min(PIECE_BYTES, left))):
            left -= len(piece)
            yield piece
    finally:
        file.close()
    yield b"\0" * (-offered.bytes % _BLOCK + 2 * _BLOCK)
