"""The folders that a build works in: gone when it ends, and removed by the next one where it was killed.

Their names end with the process that they belong to, by its number and the time of its start: numbers are used again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from services.vm_agent.image.store import BUILDING
from services.vm_agent.sandbox import processes

WORKING = "firebreak-image-"
REACHABLE = 0o711
"""The user that apt downloads as must be able to pass through it."""


@contextmanager
def building(images: Path) -> Generator[Path]:
    """A folder beside the images, gone afterwards unless it was published."""
    images.mkdir(parents=True, exist_ok=True)
    with _folder(images, BUILDING) as folder:
        yield folder


@contextmanager
def working() -> Generator[Path]:
    """A folder for what does not become part of the image."""
    with _folder(Path(tempfile.gettempdir()), WORKING) as folder:
        folder.chmod(REACHABLE)
        yield folder


@contextmanager
def _folder(parent: Path, prefix: str) -> Generator[Path]:
    remove_left(parent, prefix)
    own = f"-{os.getpid()}-{processes.started(os.getpid())}"
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=own, dir=parent))
    try:
        yield folder
    finally:
        _remove(folder)


def remove_left(parent: Path, prefix: str) -> None:
    """Removes the folders of processes that are gone, of this user alone."""
    for left in parent.glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if left.lstat().st_uid == os.geteuid() and not _owned(left.name):
                _remove(left)


def _owned(name: str) -> bool:
    """By a process that lives."""
    number, _, started = name.rpartition("-")
    pid = number.rpartition("-")[2]
    return pid.isdigit() and started.isdigit() and processes.alive(int(pid), int(started))


def _remove(folder: Path) -> None:
    """Not where something is mounted in it: what would be removed then is the host's own."""
    with open("/proc/self/mountinfo") as mounts:
        inside = any(line.split()[4].startswith(f"{folder}/") for line in mounts)
    if not inside:
        shutil.rmtree(folder, ignore_errors=True)
