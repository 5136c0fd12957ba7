"""Which processes belong to a sandbox, read from /proc: who descends from whom, who names whose folder.

It only reads the kernel's tables; stopping and killing is `standstill`. Only the standard library (see `footprint`).
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from services.vm_agent.sandbox.footprint import Footprint

GONE_STATES = "ZXx"
STOPPED_STATES = "Tt" + GONE_STATES
_END_OF_NAME = rb"(?![A-Za-z0-9._-])"
"""The folder of `pool-1` is not named by who names that of `pool-10`."""


class Process(NamedTuple):
    pid: int
    parent: int
    state: str
    started: int


def parse_stat(pid: int, text: bytes) -> Process:
    """One line of /proc/<pid>/stat; the command's name, in parentheses, may itself hold parentheses and spaces."""
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(pid, int(fields[1]), fields[0].decode(), int(fields[19]))


def read(pid: int) -> Process | None:
    """None where the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            return parse_stat(pid, file.read(1024))
    except (OSError, ValueError):
        return None


def started(pid: int) -> int:
    """When it started, in clock ticks; 0 where it is gone. Together with the pid it names one process for ever."""
    process = read(pid)
    return process.started if process else 0


def alive(pid: int, started_at: int) -> bool:
    process = read(pid)
    return process is not None and process.started == started_at and process.state not in GONE_STATES


def table() -> dict[int, Process]:
    """All processes of the machine, as far as they can be seen."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
    return {pid: process for pid in pids if (process := read(pid)) is not None}


def descendants(processes: dict[int, Process], roots: Iterable[int]) -> set[int]:
    """The roots and all that descend from them."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for process in processes.values():
        children[process.parent].append(process.pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in processes]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children[pid])
    return found


def members(footprint: Footprint) -> list[Process]:
    """The living processes of a sandbox, however they tried to leave their session or their parent.

    With a pid namespace: its init and all that descends from it, which is all of it, nested namespaces too. Without
    one and without a cgroup: those that name the sandbox's folder, and their descendants; what cleared its environment,
    left the folder and was orphaned is not found, which is why such a sandbox is for trusted code.
    """
    if footprint.cgroups:
        return [process for pid in in_cgroup(footprint.cgroups[0]) if (process := _living(pid)) is not None]
    return by_name_or_descent(footprint)


def by_name_or_descent(footprint: Footprint) -> list[Process]:
    """As `members`, without asking the cgroup."""
    processes = table()
    found = descendants(processes, _roots(footprint, processes)) - {os.getpid(), footprint.owner}
    return [process for pid in found if (process := processes[pid]).state not in GONE_STATES]


def in_cgroup(folder: str) -> list[int]:
    """The pids of a cgroup and of those below it: a job may have made some itself."""
    pids: list[int] = []
    for place, _, files in os.walk(folder):
        if "cgroup.procs" in files:
            pids.extend(_pids(os.path.join(place, "cgroup.procs")))
    return pids


def _pids(path: str) -> list[int]:
    try:
        with open(path, "rb") as file:
            return [int(line) for line in file]
    except OSError:
        return []


def _living(pid: int) -> Process | None:
    process = read(pid)
    return process if process is not None and process.state not in GONE_STATES else None


def _roots(footprint: Footprint, processes: dict[int, Process]) -> list[int]:
    if footprint.init:
        init = processes.get(footprint.init)
        return [init.pid] if init is not None and init.started == footprint.init_started else []
    return [pid for pid in processes if footprint.folder and _names(pid, footprint.folder)]


def _names(pid: int, folder: str) -> bool:
    named = re.compile(re.escape(os.fsencode(folder)) + _END_OF_NAME)
    try:
        if named.match(os.fsencode(os.readlink(f"/proc/{pid}/cwd"))):
            return True
        for table_name in ("environ", "cmdline"):
            with open(f"/proc/{pid}/{table_name}", "rb") as file:
                if named.search(file.read()):
                    return True
    except OSError:
        return False
    return False
