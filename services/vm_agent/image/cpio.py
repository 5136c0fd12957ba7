"""An initial RAM file system as the kernel reads it: a cpio archive in the "newc" format. Pure, bytes out.

The format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel. Nothing of the time or the user of
the build goes in, so the same files give the same bytes.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable

import msgspec

TRAILER = "TRAILER!!!"


class Entry(msgspec.Struct, frozen=True):
    """A file or, without data, a folder. `path` is relative."""

    path: str
    data: bytes | None = None
    mode: int = 0o755


def archive(entries: Iterable[Entry]) -> bytes:
    """The archive of these, in the order of their paths, so that a folder comes before what is in it."""
    ordered = sorted(entries, key=lambda entry: entry.path)
    parts = [_record(number + 1, entry.path, _mode(entry), entry.data or b"") for number, entry in enumerate(ordered)]
    return b"".join([*parts, _record(0, TRAILER, 0, b"")])


def _mode(entry: Entry) -> int:
    return entry.mode | (stat.S_IFDIR if entry.data is None else stat.S_IFREG)


def _record(inode: int, path: str, mode: int, data: bytes) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
