"""Where what failed jobs left lies: `kept/<name>/` with its sealed files, and the key apart, `keys/<name>`.

The key goes first, and is overwritten: from then on nobody can read the rest, whatever a crash leaves of it. A folder
without `kept.json`, which is written last, was never finished. Who may be kept is not known here.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from services.vm_agent.keep import sealing
from services.vm_agent.sandbox.machine.saving import SavedAs

FACTS = "kept.json"
MEMORY, DISK, STEPS = "memory.sealed", "disk.sealed", "steps.sealed"
_NAME = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}")


class Kept(msgspec.Struct, frozen=True):
    """What is known of a save without its key; no secret."""

    name: str
    attempt: str
    until: datetime
    what: Literal["memory", "disk"]
    size_bytes: int
    step: int
    saved: SavedAs


class Missing(Exception):
    """It is not kept here: never was, or no more."""


class KeptStore:
    """`folder` is the agent's own. Blocking, and all of it short."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._keys = folder / "kept", folder / "keys"

    def begin(self, name: str) -> tuple[Path, bytes]:
        """A new folder, and the key for all that goes there."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a machine")
        for folder in (self._folder, self._keys):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._folder / name).mkdir(mode=0o700)
        key = sealing.new_key()
        descriptor = os.open(self._keys / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return self._folder / name, key

    def finish(self, kept: Kept) -> None:
        """From now on it can be found."""
        place = self._folder / kept.name
        written = place / f"{FACTS}.new"
        written.write_bytes(msgspec.json.encode(kept))
        os.replace(written, place / FACTS)

    def all(self) -> list[Kept]:
        """The soonest to end first."""
        found = [self._read(entry.name) for entry in self._entries(self._folder)]
        return sorted((one for one in found if one is not None), key=lambda one: (one.until, one.name))

    def find(self, attempt: str, now: datetime) -> Kept:
        """Raises Missing."""
        for kept in self.all():
            if kept.attempt == attempt and kept.until > now:
                return kept
        raise Missing(f"nothing is kept of {attempt} on this host any more")

    def open(self, kept: Kept) -> tuple[Path, bytes]:
        """Its folder and its key. Raises Missing."""
        try:
            return self._folder / kept.name, (self._keys / kept.name).read_bytes()
        except OSError:
            raise Missing(f"the key of what is kept of {kept.attempt} is gone: its time was over") from None

    def remove(self, name: str) -> None:
        """The key first; what is not there is no error."""
        with contextlib.suppress(FileNotFoundError):
            path = self._keys / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            path.unlink()
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def expire(self, now: datetime, *, busy: frozenset[str] = frozenset()) -> list[Kept]:
        """Removes what has come to its end, and what was never finished but is not `busy`. Returns the former."""
        ended: list[Kept] = []
        for name in {entry.name for folder in (self._folder, self._keys) for entry in self._entries(folder)}:
            kept = self._read(name)
            if kept is None and name not in busy:
                self.remove(name)
            elif kept is not None and kept.until <= now:
                self.remove(name)
                ended.append(kept)
        return ended

    def _read(self, name: str) -> Kept | None:
        """None for what cannot be opened any more."""
        if not (self._keys / name).exists():
            return None
        try:
            return msgspec.json.decode((self._folder / name / FACTS).read_bytes(), type=Kept)
        except (OSError, msgspec.MsgspecError):
            return None

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            return list(os.scandir(folder))
        except FileNotFoundError:
            return []
