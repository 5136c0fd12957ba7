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
import tempfile
from collections.abc import Iterable, Mapping
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


def files_of(image: Image) -> dict[tuple[int, int], int]:
    """Its files on the disk, by device and number, with their bytes: images share what is the same in them."""
    found: dict[tuple[int, int], int] = {}
    for name in image.manifest.files:
        with contextlib.suppress(OSError):
            status = os.stat(f"{image.folder}/{name}")
            found[status.st_dev, status.st_ino] = status.st_size
    return found


def own_bytes(image: Image) -> int:
    """What the removal of this image alone would free."""
    statuses = [os.stat(f"{image.folder}/{name}") for name in image.manifest.files if _there(image, name)]
    return sum(status.st_size for status in statuses if status.st_nlink == 1)


def on_disk_bytes(images: Iterable[Image]) -> int:
    """Of all together: what they share is counted once."""
    files: dict[tuple[int, int], int] = {}
    for image in images:
        files |= files_of(image)
    return sum(files.values())


def _there(image: Image, name: str) -> bool:
    return os.path.exists(f"{image.folder}/{name}")


def _open_files() -> frozenset[tuple[int, int]]:
    """Of all processes whose files may be looked at: of root all, else of this user's own."""
    found: set[tuple[int, int]] = set()
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(folder):
                with contextlib.suppress(OSError):
                    status = os.stat(f"{folder}/{descriptor}")
                    found.add((status.st_dev, status.st_ino))
    return frozenset(found)


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

    def unreadable(self) -> dict[str, str]:
        """Folders and names that should be images and are none, with what is wrong."""
        found: dict[str, str] = {}
        for place in sorted(self.folder.iterdir()) if self.folder.is_dir() else ():
            if _NAME.fullmatch(place.name):
                try:
                    self._read(place.resolve(strict=True))
                except SandboxError as error:
                    found[place.name] = str(error)
                except OSError as error:
                    found[place.name] = f"{place}: {error.strerror}"
        return found

    def names(self) -> dict[str, str]:
        """What each name stands for now: name to id."""
        places = self.folder.iterdir() if self.folder.is_dir() else ()
        links = [place for place in places if place.is_symlink() and _NAME.fullmatch(place.name)]
        return {link.name: os.path.basename(os.readlink(link)) for link in links}

    def publish(self, building: Path, manifest: Manifest) -> Image:
        """Makes a folder with all files an image, and its name stand for it.

        Where the same image is there, its files and its older manifest stay; where that one is damaged, it is replaced.
        """
        (building / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        for name in (*FILES, MANIFEST):
            os.chmod(building / name, 0o444)
        building.chmod(0o755)
        place = self.folder / manifest.id
        if place.exists() and not self._whole(place):
            self._discard(place)
        try:
            building.rename(place)
        except OSError:
            if not self._whole(place):
                raise
            shutil.rmtree(building)
        self.name(manifest.name, manifest.id)
        return self._read(place)

    def _whole(self, place: Path) -> bool:
        try:
            verify(self._read(place))
        except (SandboxError, OSError):
            return False
        return True

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
        self._discard(Path(image.folder))

    def unused(self) -> list[Image]:
        """Those that no name stands for and no process that can be seen has open."""
        named = set(self.names().values())
        nameless = [image for image in self.ls() if image.id not in named]
        opened = _open_files() if nameless else frozenset[tuple[int, int]]()
        return [image for image in nameless if not opened & files_of(image).keys()]

    def _discard(self, place: Path) -> None:
        """By a rename first, so that no half image is seen."""
        dying = Path(tempfile.mkdtemp(prefix=BUILDING, dir=self.folder))
        place.rename(dying / place.name)
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
