"""Saved machines from which others are restored: files that fit one kind of machine and no other, never changed.

    <folder>/<key>/{manifest.json, memory, state}

The VMM checks almost nothing when it loads: another root file system, processor or device list is taken, and shows
later. So the key names all that must be equal, and before each use the files are compared with what was saved: `state`
by its hash, `memory`, which is large, by its length and by when it was last written (its change time, which only the
kernel sets; where VMMs get links to files that they cannot write, the time of the last write: links change the other).
`verify` reads it all, for whoever has the time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import msgspec

from services.vm_agent.image.store import digest
from services.vm_agent.sandbox.protocol import SandboxLost, Shape

MANIFEST, MEMORY, STATE = "manifest.json", "memory", "state"
BUILDING = ".building-"
MANIFEST_BYTES = 64 * 1024
KEY_DIGITS = 16
KEPT_TEMPLATES = 16
"""Each has 100 to 200 MB: more kinds than a host's jobs ask for, and no full disk whatever they do."""
BLOCK_BYTES = 64 * 1024
ZERO_BLOCK = bytes(BLOCK_BYTES)


class DamagedTemplate(SandboxLost):
    """Its files are not what was saved; it is to be made anew."""


class TemplateManifest(msgspec.Struct, frozen=True):
    """`identity` is what the key was made of, for people; times and lengths as the file system gives them."""

    key: str
    identity: list[str]
    image: str
    shape: Shape
    state_sha256: str
    memory_sha256: str
    memory_bytes: int
    memory_changed_ns: int
    memory_written_ns: int = 0


class Template(msgspec.Struct, frozen=True):
    folder: str
    manifest: TemplateManifest

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def memory(self) -> str:
        return f"{self.folder}/{MEMORY}"

    @property
    def state(self) -> str:
        return f"{self.folder}/{STATE}"


def key_of(identity: Sequence[str]) -> str:
    return hashlib.sha256(msgspec.json.encode(list(identity))).hexdigest()[:KEY_DIGITS]


def memory_digest(path: str) -> str:
    """Of what is not zero, with its place: a guest's memory is mostly holes, and reading them costs 2 s a GiB."""
    found = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        found.update(b"%d" % length)
        for place in _data_blocks(file.fileno(), length):
            block = os.pread(file.fileno(), BLOCK_BYTES, place)
            if block != ZERO_BLOCK[: len(block)]:
                found.update(b"%d:" % place)
                found.update(block)
    return found.hexdigest()


def _data_blocks(descriptor: int, length: int) -> Iterator[int]:
    """The places of the blocks that are not all hole, each once, in order."""
    place = 0
    while place < length:
        try:
            data = os.lseek(descriptor, place, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(descriptor, data, os.SEEK_HOLE)
        first = max(place, data - data % BLOCK_BYTES)
        yield from range(first, end, BLOCK_BYTES)
        place = end + (-end) % BLOCK_BYTES


def check(template: Template, *, linked: bool = False) -> None:
    """Cheap enough for each restore. `linked`: VMMs get links to its files. Raises DamagedTemplate."""
    manifest = template.manifest
    try:
        memory = os.stat(template.memory)
        state = digest(template.state)
    except OSError as error:
        raise DamagedTemplate(_damaged(template, f"{error.filename}: {error.strerror}")) from None
    if memory.st_size != manifest.memory_bytes:
        raise DamagedTemplate(_damaged(template, f"its memory has {memory.st_size} bytes, not {manifest.memory_bytes}"))
    now, saved = memory.st_ctime_ns, manifest.memory_changed_ns
    if linked:
        now, saved = memory.st_mtime_ns, manifest.memory_written_ns
    if now != saved:
        raise DamagedTemplate(_damaged(template, "its memory was written to after it was saved"))
    if state != manifest.state_sha256:
        raise DamagedTemplate(_damaged(template, "its state is not what was saved"))


def verify(template: Template, *, linked: bool = False) -> None:
    """Every byte; half a second for 512 MiB. Raises DamagedTemplate."""
    check(template, linked=linked)
    if memory_digest(template.memory) != template.manifest.memory_sha256:
        raise DamagedTemplate(_damaged(template, "its memory is not what was saved"))


class Templates:
    """Those below `folder`, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, key: str) -> Template | None:
        """None where there is none, or where what there is cannot be read."""
        place = self.folder / key
        try:
            with (place / MANIFEST).open("rb") as file:
                manifest = msgspec.json.decode(file.read(MANIFEST_BYTES), type=TemplateManifest)
        except (OSError, msgspec.MsgspecError):
            return None
        return Template(str(place), manifest) if manifest.key == key else None

    @contextlib.contextmanager
    def building(self, key: str) -> Generator[Path]:
        """A folder to save into, gone afterwards unless it was published."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        place = Path(tempfile.mkdtemp(prefix=f"{BUILDING}{key}-", dir=self.folder))
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def publish(self, building: Path, identity: list[str], image: str, shape: Shape) -> Template:
        """Blocking: it hashes both files."""
        os.chmod(building / STATE, 0o444)
        memory = os.stat(building / MEMORY)
        manifest = TemplateManifest(
            key=key_of(identity),
            identity=identity,
            image=image,
            shape=shape,
            state_sha256=digest(str(building / STATE)),
            memory_sha256=memory_digest(str(building / MEMORY)),
            memory_bytes=memory.st_size,
            memory_changed_ns=memory.st_ctime_ns,
            memory_written_ns=memory.st_mtime_ns,
        )
        (building / MANIFEST).write_bytes(msgspec.json.encode(manifest))
        self.remove(manifest.key)
        place = self.folder / manifest.key
        building.rename(place)
        return Template(str(place), manifest)

    def remove_others(self, template: Template) -> list[str]:
        """Those of its shape that are of an older image or VMM. Machines that were restored from one keep its memory
        open, and live on."""
        gone: list[str] = []
        for place in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            other = self.find(place.name)
            if other is not None and other.key != template.key and other.manifest.shape == template.manifest.shape:
                self.remove(other.key)
                gone.append(other.key)
        return gone

    def remove(self, key: str) -> None:
        shutil.rmtree(self.folder / key, ignore_errors=True)

    def used(self, template: Template) -> None:
        """It is not among the first to go."""
        with contextlib.suppress(OSError):
            os.utime(f"{template.folder}/{MANIFEST}")

    def sweep(self, *, building: bool = False) -> list[str]:
        """Removes half-made ones, unless one is just being made, and the least used beyond KEPT_TEMPLATES."""
        places = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
        half_made = [place for place in places if place.name.startswith(BUILDING)]
        whole = sorted((place for place in places if place not in half_made), key=_last_used, reverse=True)
        going = [*([] if building else half_made), *whole[KEPT_TEMPLATES:]]
        for place in going:
            shutil.rmtree(place, ignore_errors=True)
        return [place.name for place in going]


def _last_used(place: Path) -> float:
    try:
        return os.stat(place / MANIFEST).st_mtime
    except OSError:
        return 0.0


def _damaged(template: Template, what: str) -> str:
    return f"template {template.key}: {what}; it is thrown away and made anew"
