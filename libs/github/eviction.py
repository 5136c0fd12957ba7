"""Keeps a folder of mirrors within a size: what nobody has used for longest goes first, and comes back when it is asked
for. Anybody's workflow may name any repository, and a disk that is full stops every job of its host.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

KEPT_BYTES = 20 * 1024**3
"""Some thousand actions without their history."""
IDLE_SECONDS = 3600.0
"""What was used within this time stays, whatever its size: a job may be reading it."""


def touch(directory: Path) -> None:
    """It is being used now."""
    with contextlib.suppress(OSError):
        os.utime(directory)


def evict(folder: Path, now: float, *, limit_bytes: int = KEPT_BYTES, idle_seconds: float = IDLE_SECONDS) -> list[str]:
    """Removes mirrors (`*.git`) of a folder until they fit; answers which. `now` is seconds of the epoch. Blocking."""
    for left in folder.glob("*.gone"):
        shutil.rmtree(left, ignore_errors=True)
    mirrors = [(_used(path), _size(path), path) for path in folder.glob("*.git")]
    total = sum(size for _, size, _ in mirrors)
    removed: list[str] = []
    for used, size, path in sorted(mirrors):
        if total <= limit_bytes or now - used < idle_seconds:
            break
        # Whoever comes meanwhile finds none, and makes a new one: half of one would be worse.
        gone = path.with_suffix(".gone")
        with contextlib.suppress(OSError):
            path.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
            removed.append(path.name)
            total -= size
    return removed


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size(path: Path) -> int:
    size = 0
    for folder, _, files in os.walk(path):
        for name in files:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_blocks * 512
    return size
