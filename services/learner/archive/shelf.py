"""The archive's folder: which days are there, whole; and those of another stream that had the name before.

    <archive>/2026-11-24/EVENTS.parquet     the day's messages
    <archive>/2026-11-24/EVENTS.json        its manifest; a day without one is not in the archive
    <archive>/earlier/<n>/...               days of a stream that is no more: kept, and replayed into nothing

A finished file is never written again and never removed.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from services.learner.archive.day import FORMAT, Day
from services.learner.archive.parquet import Damaged

EARLIER = "earlier"
READ_BYTES = 1024 * 1024
_manifests = msgspec.json.Decoder(Day)


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def days(self, stream: str) -> list[Day]:
        """In the order of their places. Raises Damaged where a manifest cannot be read or contradicts another."""
        days = [_read_manifest(path, stream) for path in self.folder.glob(f"????-??-??/{stream}.json")]
        days.sort(key=lambda day: day.last)
        for day, following in itertools.pairwise(days):
            if following.after < day.last or following.day <= day.day:
                raise Damaged(
                    f"{self.manifest(following)} begins before {self.manifest(day)} ends: one of them is of another "
                    "archive; move it away"
                )
        return days

    def file(self, day: Day) -> Path:
        return self.place(day.stream, day.day).with_suffix(".parquet")

    def manifest(self, day: Day) -> Path:
        return self.place(day.stream, day.day).with_suffix(".json")

    def place(self, stream: str, day: date) -> Path:
        """Where that day's files are, without their endings."""
        return self.folder / day.isoformat() / stream

    def check(self, day: Day) -> Path:
        """The day's file, whole as it was written. Raises Damaged."""
        path = self.file(day)
        try:
            size, found = path.stat().st_size, file_sha256(path)
        except OSError as error:
            raise Damaged(f"{path}: {error.strerror}") from None
        if (size, found) != (day.file_bytes, day.file_sha256):
            raise Damaged(f"{path} is not what was written ({size} bytes, sha256 {found}): it was changed or is cut")
        return path

    def set_apart(self, days: Sequence[Day]) -> Path:
        """Moves days of another stream out of the way. Where they are now."""
        earlier = self.folder / EARLIER
        earlier.mkdir(exist_ok=True)
        number = max((int(path.name) for path in earlier.iterdir() if path.name.isdecimal()), default=0) + 1
        target = earlier / str(number)
        for day in days:
            folder = target / day.day.isoformat()
            folder.mkdir(parents=True, exist_ok=True)
            # The manifest goes first: a file without one is not in the archive.
            for path in (self.manifest(day), self.file(day)):
                if path.exists():
                    path.rename(folder / path.name)
        return target


def file_sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_BYTES):
            sha.update(block)
    return sha.hexdigest()


def flush(folder: Path) -> None:
    """Names given in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_manifest(path: Path, stream: str) -> Day:
    try:
        day = _manifests.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(
            f"{path}: {error}; put it back from a copy, or move it and its .parquet away to have the day written anew "
            "while the stream still has it"
        ) from error
    if day.format != FORMAT:
        raise Damaged(f"{path}: format {day.format}, this version reads {FORMAT}")
    if day.stream != stream or day.day.isoformat() != path.parent.name:
        raise Damaged(f"{path}: it is the manifest of {day.stream} of {day.day}")
    return day
