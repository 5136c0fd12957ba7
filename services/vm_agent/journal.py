"""On the host's disk: which sandboxes this agent has, and for what: the next boot can say what it found.

It is for people and for `VmReaped`; what is removed is decided by the sandboxes' own footprints. The file's lock keeps
a second agent of the same name off this machine.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from services.vm_agent.sandbox.protocol import SandboxId

NAME = "journal"


class AlreadyRunning(Exception):
    """Another agent holds this host's folder."""


class Entry(msgspec.Struct, frozen=True):
    """`open`: the sandbox was made; not open: it is gone."""

    sandbox: str
    attempt: str
    open: bool


_entries = msgspec.json.Decoder(Entry)
_encoder = msgspec.json.Encoder()


class Journal:
    """Raises AlreadyRunning, OSError. `left` are the sandboxes that the boot before had, and their attempts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise AlreadyRunning(f"another agent works in {folder}") from None
        self.left = _left(os.pread(self._descriptor, os.fstat(self._descriptor).st_size, 0))
        os.ftruncate(self._descriptor, 0)

    def opened(self, sandbox: SandboxId, attempt: str) -> None:
        """`attempt` is its subject, or says in words what else it is for."""
        self._write(Entry(sandbox, attempt, open=True))

    def closed(self, sandbox: SandboxId) -> None:
        self._write(Entry(sandbox, "", open=False))

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self, entry: Entry) -> None:
        os.write(self._descriptor, _encoder.encode(entry) + b"\n")


def _left(data: bytes) -> dict[str, str]:
    """A line that was cut by a crash says nothing."""
    left: dict[str, str] = {}
    for line in data.split(b"\n"):
        try:
            entry = _entries.decode(line)
        except msgspec.DecodeError:
            continue
        if entry.open:
            left[entry.sandbox] = entry.attempt
        else:
            left.pop(entry.sandbox, None)
    return left
