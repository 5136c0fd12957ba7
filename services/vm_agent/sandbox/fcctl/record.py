"""Which remote machines are this agent's: a file each, written before one is asked for, removed when it is released.

The API makes up its machines' names, and the machines outlive every process here. Beside the sandboxes' folders, not in
them: those are removed by whoever ends a sandbox, the watchdog too, which knows nothing of an API.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from services.vm_agent.sandbox import processes


class Record(msgspec.Struct, frozen=True):
    """`vm` is "" until the API has said it; `name` is what was asked for, which some servers keep."""

    sandbox: str
    name: str
    owner: int
    owner_started: int
    vm: str = ""

    @property
    def owned_elsewhere(self) -> bool:
        """Its agent is another process, and lives."""
        return self.owner != os.getpid() and processes.alive(self.owner, self.owner_started)


class Records:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, sandbox: str, name: str) -> Record:
        record = Record(sandbox, name, os.getpid(), processes.started(os.getpid()))
        self.write(record)
        return record

    def write(self, record: Record) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = self._folder / f".{record.sandbox}.new"
        new.write_bytes(msgspec.json.encode(record))
        new.rename(self._folder / f"{record.sandbox}.json")

    def forget(self, record: Record) -> None:
        (self._folder / f"{record.sandbox}.json").unlink(missing_ok=True)

    def all(self) -> list[Record]:
        """What cannot be read is no record; nobody but an agent writes here."""
        found: list[Record] = []
        for place in sorted(self._folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(place.read_bytes(), type=Record))
            except (OSError, msgspec.MsgspecError):
                continue
        return found
