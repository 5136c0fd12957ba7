"""One day's file: written under another name, flushed, read back and compared, and only then in the archive.

A process that dies on the way leaves an unfinished file, which the next attempt replaces. Blocking: for a thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

from libs.bus.port import Stored
from services.learner.anchor import anchor
from services.learner.archive.day import Day, Digest
from services.learner.archive.parquet import Damaged, Groups, Rows, headers_of
from services.learner.archive.shelf import Shelf, file_sha256, flush

UNFINISHED = ".unfinished"


class DayWriter:
    """`write` messages in order, then `finish`; or `abandon`."""

    def __init__(self, shelf: Shelf, stream: str, day: date, *, after: int, lost: int = 0) -> None:
        self._shelf, self._stream, self._day = shelf, stream, day
        self._after, self._lost = after, lost
        self._path = shelf.place(stream, day).with_suffix(".parquet")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._unfinished = self._path.with_name(self._path.name + UNFINISHED)
        self._file = self._unfinished.open("wb")
        self._rows = Rows(self._file)
        self._digest = Digest()
        self._messages = 0
        self._ends: tuple[Stored, Stored] | None = None

    def write(self, messages: Sequence[Stored]) -> None:
        """One row group."""
        self._rows.write(messages)
        for message in messages:
            self._digest.add(message, headers_of(message))
        self._messages += len(messages)
        self._ends = (self._ends[0] if self._ends else messages[0], messages[-1])

    def finish(self) -> Day:
        """Puts the day into the archive. Raises Damaged where what was written cannot be read back."""
        assert self._ends is not None, "a day without messages is not written"
        self._rows.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        day = Day(
            stream=self._stream,
            day=self._day,
            after=self._after,
            first=self._ends[0].seq,
            last=self._ends[1].seq,
            messages=self._messages,
            lost=self._lost,
            first_stored=self._ends[0].time,
            last_stored=self._ends[1].time,
            first_anchor=anchor(self._ends[0]),
            last_anchor=anchor(self._ends[1]),
            messages_sha256=self._digest.hex(),
            file_sha256=file_sha256(self._unfinished),
            file_bytes=self._unfinished.stat().st_size,
        )
        read_back(self._unfinished, day)
        self._put(day)
        return day

    def abandon(self) -> None:
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def _put(self, day: Day) -> None:
        """The file first, then what declares it whole."""
        manifest = self._shelf.manifest(day)
        if manifest.exists():
            raise Damaged(f"{manifest} is there already: a day is never written twice")
        if self._path.exists():
            self._path.rename(self._path.with_suffix(f".{time.time_ns()}.undeclared"))
        text = msgspec.json.format(msgspec.json.encode(day), indent=2)
        unfinished = manifest.with_name(manifest.name + UNFINISHED)
        with unfinished.open("wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._unfinished.rename(self._path)
        unfinished.rename(manifest)
        flush(manifest.parent)
        flush(manifest.parent.parent)


def read_back(path: Path, day: Day) -> None:
    """Compares every message of a file with the manifest. Raises Damaged."""
    digest, count, first, last = Digest(), 0, 0, 0
    with Groups(path) as groups:
        for group in range(len(groups)):
            for message in groups.read(group):
                if message.seq <= last:
                    raise Damaged(f"{path}: place {message.seq} comes behind {last}")
                digest.add(message, headers_of(message))
                first, last, count = first or message.seq, message.seq, count + 1
    if (count, first, last, digest.hex()) != (day.messages, day.first, day.last, day.messages_sha256):
        raise Damaged(
            f"{path}: it holds {count} messages from {first} to {last}; {day.messages} from {day.first} to {day.last} "
            "were written, or their bytes differ"
        )
