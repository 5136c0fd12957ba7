"""The images of this host: a folder each, named by what is in it, and a link for each name.

    <folder>/<id>/{manifest.json, vmlinux, initrd, boot.cpio, root.squashfs}
    <folder>/minimal -> <id>

An image is published by a rename, so there is no half one. Nothing here builds: that is `build`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from services.vm_agent.sandbox.protocol import SandboxError

MANIFEST = "manifest.json"
KERNEL, INITRD, BOOT, ROOT = "vmlinux", "initrd", "boot.cpio", "root.squashfs"
"""The initrd is `boot.cpio` (busybox and modules) followed by our own files, which can so be replaced alone."""
FILES = (KERNEL, INITRD, BOOT, ROOT)
BUILDING = ".building-"
"""Begins the name of a folder that is not published yet."""
MANIFEST_BYTES = 4 * 1024**2
ID_DIGITS = 16
BY_DEFAULT = ("standard", "minimal")
"""What is taken where no image is named: the first that is built."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class NoImage(SandboxError):
    """There is no image of that name; the message says how to get one."""


class DamagedImage(SandboxError):
    """A file of the image is missing, or is not what was built."""


class File(msgspec.Struct, frozen=True):
    sha256: str
    bytes: int


class Manifest(msgspec.Struct, frozen=True):
    """`packages` is name to version, `recipe` the recipe's digest, `guest` that of our own files in the initrd."""

    id: str
    name: str
    suite: str
    architecture: str
    kernel: str
    recipe: str
    guest: str
    built: str
    files: dict[str, File]
    packages: dict[str, str] = {}
    version: int = 1


class Image(msgspec.Struct, frozen=True):
    folder: str
    manifest: Manifest

    @property
    def id(self) -> str:
        return self.manifest.id

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def kernel(self) -> str:
        return f"{self.folder}/{KERNEL}"

    @property
    def initrd(self) -> str:
        return f"{self.folder}/{INITRD}"

    @property
    def root(self) -> str:
        return f"{self.folder}/{ROOT}"

    @property
    def size_bytes(self) -> int:
        return sum(file.bytes for file in self.manifest.files.values())


def id_of(files: Mapping[str, File]) -> str:
    """An image's id: the same files have the same, whenever and wherever they were built."""
    text = "".join(f"{name} {files[name].sha256}\n" for name in sorted(files))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_DIGITS]


def check(image: Image) -> None:
    """That each file is there and as long as it was: cheap enough for every start of a machine. Raises DamagedImage."""
    for name, file in image.manifest.files.items():
        try:
            size = os.stat(f"{image.folder}/{name}").st_size
        except OSError as error:
            raise DamagedImage(_damaged(image, f"{name}: {error.strerror}")) from None
        if size != file.bytes:
            raise DamagedImage(_damaged(image, f"{name} has {size} bytes, {file.bytes} were built"))


def verify(image: Image) -> None:
    """That each file is what was built, byte by byte; a second or so. Raises DamagedImage."""
    check(image)
    for name, file in image.manifest.files.items():
        if digest(f"{image.folder}/{name}") != file.sha256:
            raise DamagedImage(_damaged(image, f"the content of {name} has changed"))
    if id_of(image.manifest.files) != image.id:
        raise DamagedImage(_damaged(image, "its manifest is another image's"))


def digest(path: str) -> str:
    """Of a file, SHA-256 in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """The images below `folder`, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, name: str = "") -> Image:
        """By name, by id, or by an id's beginning; without a name, what BY_DEFAULT says.

        Raises NoImage, DamagedImage.
        """
        if not name:
            return self._first()
        if _NAME.fullmatch(name):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return self._read((self.folder / name).resolve(strict=True))
            begun = [image for image in self.ls() if image.id.startswith(name)] if len(name) >= 4 else []
            if len(begun) == 1:
                return begun[0]
        known = ", ".join(sorted({image.name for image in self.ls()})) or "none"
        size = name if name in BY_DEFAULT else "minimal"
        raise NoImage(
            f"there is no image {name!r} in {self.folder} (there: {known}); "
            f"`firebreak image build --size {size}` builds one"
        )

    def ls(self) -> list[Image]:
        """All that can be read, by name, the newest first."""
        found: list[Image] = []
        if self.folder.is_dir():
            for place in self.folder.iterdir():
                if place.is_dir() and not place.is_symlink() and not place.name.startswith("."):
                    with contextlib.suppress(SandboxError, OSError):
                        found.append(self._read(place))
        return sorted(found, key=lambda image: image.manifest.built, reverse=True)

    def names(self) -> dict[str, str]:
        """What each name stands for now: name to id."""
        links = [place for place in self.folder.iterdir() if place.is_symlink()] if self.folder.is_dir() else []
        return {link.name: os.path.basename(os.readlink(link)) for link in links}

    def publish(self, building: Path, manifest: Manifest) -> Image:
        """Makes a folder with all files an image, and its name stand for it."""
        (building / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        for name in (*FILES, MANIFEST):
            os.chmod(building / name, 0o444)
        building.chmod(0o755)
        place = self.folder / manifest.id
        try:
            building.rename(place)
        except OSError:
            # The same image is there already; this one's files are as good, and the old manifest stays.
            shutil.rmtree(building)
        self.name(manifest.name, manifest.id)
        return self._read(place)

    def name(self, name: str, image_id: str) -> None:
        link = self.folder / f".{name}.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(image_id)
        link.rename(self.folder / name)

    def rm(self, image: Image) -> None:
        """The image and the names that stand for it. Machines that run keep what they have opened."""
        for name, image_id in self.names().items():
            if image_id == image.id:
                (self.folder / name).unlink(missing_ok=True)
        dying = self.folder / f"{BUILDING}rm-{image.id}-{os.getpid()}"
        os.rename(image.folder, dying)
        shutil.rmtree(dying)

    def _first(self) -> Image:
        for name in BY_DEFAULT:
            if (self.folder / name).exists():
                return self.find(name)
        raise NoImage(
            f"there is no image in {self.folder}; `firebreak image build --size minimal` builds one, or `make vm`"
        )

    def _read(self, place: Path) -> Image:
        try:
            with (place / MANIFEST).open("rb") as file:
                manifest = msgspec.json.decode(file.read(MANIFEST_BYTES), type=Manifest)
        except msgspec.MsgspecError as error:
            raise DamagedImage(f"image {place.name}: its manifest cannot be read: {error}") from None
        except FileNotFoundError:
            raise NoImage(f"{place} is no image: it has no {MANIFEST}") from None
        if manifest.id != place.name or set(manifest.files) != set(FILES):
            raise DamagedImage(f"image {place.name}: its manifest is another image's")
        return Image(str(place), manifest)


def _damaged(image: Image, what: str) -> str:
    return f"image {image.name} ({image.id}): {what}; `firebreak image build --size {image.name}` builds it anew"
