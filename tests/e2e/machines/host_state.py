"""What machines could leave on a host: processes, namespaces, network devices, cgroups, sockets, files, memory.

Two readings are compared by name, so that a failing test says what stayed, not how much.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from services.vm_agent.sandbox import cgroups, namespaces

KINDS = ("machines", "namespaces", "devices", "cgroups", "files", "sockets")
SECOND_LOOK_SECONDS = 0.2
VMMS = ("qemu-system", "firecracker", "jailer")


@dataclass(frozen=True)
class HostState:
    """`files` and `sockets` are those below one agent's home."""

    machines: frozenset[str]
    namespaces: frozenset[str]
    devices: frozenset[str]
    cgroups: frozenset[str]
    files: frozenset[str]
    sockets: frozenset[str]

    def counts(self) -> dict[str, int]:
        return {kind: len(getattr(self, kind)) for kind in KINDS}

    def since(self, before: HostState) -> dict[str, list[str]]:
        """What is there now and was not before; empty where nothing stayed."""
        stayed = {kind: sorted(getattr(self, kind) - getattr(before, kind)) for kind in KINDS}
        return {kind: names for kind, names in stayed.items() if names}


def read(home: Path) -> HostState:
    """`home` is the FIREBREAK_HOME of the agent that is looked at. Only what is its own is counted, and network devices
    that are nobody's: other tests make machines at the same time."""
    return HostState(
        machines=frozenset(_machines(home)),
        namespaces=frozenset(_namespaces(home)),
        devices=frozenset(_devices(home)),
        cgroups=frozenset(_cgroups(home)),
        files=frozenset(_below_sandboxes(home)),
        sockets=frozenset(line for line in _lines(Path("/proc/net/unix")) if str(home) in line),
    )


def available_bytes() -> int:
    """MemAvailable, after what the kernel only caches was dropped, where this user may."""
    try:
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        pass
    lines = dict(line.split(":", 1) for line in _lines(Path("/proc/meminfo")))
    return int(lines["MemAvailable"].split()[0]) * 1024


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _machines(home: Path) -> list[str]:
    """VMMs with a file of that home open: a machine's work disk is one."""
    found: list[str] = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit() and alive(int(place.name)):
            try:
                command = (place / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
            except OSError:
                continue
            is_vmm = any(name in os.path.basename(command) for name in VMMS)
            if is_vmm and any(name.startswith(str(home)) for name in _open_files(place)):
                found.append(f"{place.name} {command}")
    return found


def _open_files(process: Path) -> list[str]:
    found: list[str] = []
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return found
    for link in links:
        try:
            found.append(os.readlink(link))
        except OSError:
            continue
    return found


def _namespaces(home: Path) -> list[str]:
    return [name for name in _names(Path("/run/netns")) if name.startswith(_marks(home))]


def _devices(home: Path) -> set[str]:
    """Seen twice, for one of another's may vanish between the look at devices and that at namespaces."""
    first = _devices_now(home)
    time.sleep(SECOND_LOOK_SECONDS)
    return first & _devices_now(home)


def _devices_now(home: Path) -> set[str]:
    there = set(_names(Path("/sys/class/net")))
    others = [name for name in _names(Path("/run/netns")) if not name.startswith(_marks(home))]
    return there - {namespaces.link_of(name) for name in others}


def _marks(home: Path) -> tuple[str, ...]:
    """What the names of an agent's cgroups and namespaces begin with."""
    return tuple(cgroups.prefix_of(str(folder.resolve())) for folder in home.glob("agent/*/sandboxes"))


def _cgroups(home: Path) -> list[str]:
    return [str(place) for mark in _marks(home) for place in Path("/sys/fs/cgroup").rglob(f"{mark}*") if place.is_dir()]


def _below_sandboxes(home: Path) -> list[str]:
    return [str(path) for folder in home.glob("agent/*/sandboxes") for path in folder.iterdir()]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
