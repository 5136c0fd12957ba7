"""What machines could leave on a host: processes, namespaces, network devices, cgroups, sockets, files, memory.

Two readings are compared by name, so that a failing test says what stayed, not how much.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from services.vm_agent.sandbox import cgroups

KINDS = ("machines", "namespaces", "devices", "cgroups", "files", "sockets")
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
    """`home` is the FIREBREAK_HOME of the agent that is looked at. Machines and cgroups are counted where they are its
    own: other tests make some at the same time."""
    return HostState(
        machines=frozenset(_machines(home)),
        namespaces=frozenset(_names(Path("/run/netns"))),
        devices=frozenset(_names(Path("/sys/class/net"))),
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


def _cgroups(home: Path) -> list[str]:
    marks = [cgroups.prefix_of(str(folder.resolve())) for folder in home.glob("agent/*/sandboxes")]
    return [str(place) for mark in marks for place in Path("/sys/fs/cgroup").rglob(f"{mark}*") if place.is_dir()]


def _below_sandboxes(home: Path) -> list[str]:
    return [str(path) for folder in home.glob("agent/*/sandboxes") for path in folder.iterdir()]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
