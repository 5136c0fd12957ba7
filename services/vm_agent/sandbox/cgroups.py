"""A cgroup of its own for each sandbox, version 2 or 1, where this process may make one: to freeze, to kill, to limit.

Where it may not (an ordinary user without delegation), everything here says so by returning nothing, and `standstill`
works with signals instead. It knows nothing of drivers. Only the standard library (see `footprint`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import NamedTuple

PREFIX = "firebreak."
AGENT_LEAF = "agent"
"""systemd's `DelegateSubgroup=agent`: the agent sits in a leaf of its own, and the sandboxes are made beside it: a
version-2 cgroup that holds processes cannot have limits for groups below it."""


PERIOD_US = 100_000
"""The kernel's own default: within each, a group may use its quota of processor time, then it waits for the next."""
LEAST_QUOTA_US = 1_000
"""The kernel takes no less."""


def name_of(folder: str) -> str:
    """The name of a sandbox's groups: its own, and a mark of the agent's folder, so that agents tell theirs apart."""
    return f"{prefix_of(os.path.dirname(folder))}{os.path.basename(folder)}"


def prefix_of(agent_folder: str) -> str:
    return f"{PREFIX}{hashlib.sha256(os.fsencode(agent_folder)).hexdigest()[:8]}."


class Hierarchy(NamedTuple):
    """A mounted tree and the place in it below which groups are made; version 2 is asked for its controllers later."""

    base: str
    version: int
    controllers: frozenset[str] = frozenset()


def parse(mountinfo: str, own: str) -> list[Hierarchy]:
    """From /proc/self/mountinfo and /proc/self/cgroup; version 2 first."""
    places = {controllers: path for _, controllers, path in (line.split(":", 2) for line in own.splitlines())}
    found: list[Hierarchy] = []
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = [*rest.split(), "", "", ""][:3]
        root, mountpoint = fields.split()[3:5]
        if kind == "cgroup2" and "" in places:
            found.append(Hierarchy(_below(mountpoint, root, places[""]), 2))
        elif kind == "cgroup":
            found.extend(_version_1(mountpoint, root, set(options.split(",")), places))
    return sorted(found, key=lambda hierarchy: -hierarchy.version)


def _version_1(mountpoint: str, root: str, options: set[str], places: dict[str, str]) -> list[Hierarchy]:
    return [
        Hierarchy(_below(mountpoint, root, path), 1, frozenset(names.split(",")))
        for names, path in places.items()
        if names and set(names.split(",")) <= options
    ]


def _below(mountpoint: str, root: str, path: str) -> str:
    relative = path if root == "/" else path.removeprefix(root)
    base = mountpoint + relative.rstrip("/")
    return os.path.dirname(base) if os.path.basename(base) == AGENT_LEAF else base


def usable() -> list[Hierarchy]:
    """Those in which this process may make groups and move processes into them."""
    try:
        with open("/proc/self/mountinfo") as mounts, open("/proc/self/cgroup") as own:
            found = parse(mounts.read(), own.read())
    except OSError:
        return []
    return [it for it in found if os.access(it.base, os.W_OK) and os.access(f"{it.base}/cgroup.procs", os.W_OK)]


class Made(NamedTuple):
    """The groups of one sandbox, the one that freezes first, and whether the limits that were asked for hold."""

    folders: tuple[str, ...] = ()
    limited: bool = False


def make(
    hierarchies: list[Hierarchy],
    name: str,
    *,
    memory_bytes: int | None = None,
    processes: int | None = None,
    cpus: float | None = None,
) -> Made:
    """Makes the groups that a sandbox needs: one to freeze and kill, and those that hold its limits.

    `cpus` is processor time a second: two are two processors' worth, on whichever of the host's it runs.
    """
    quota = None if cpus is None else max(LEAST_QUOTA_US, round(cpus * PERIOD_US))
    limits = {"memory": memory_bytes, "pids": processes, "cpu": quota}
    wanted = {controller: bound for controller, bound in limits.items() if bound is not None}
    folders: list[str] = []
    held: set[str] = set()
    for hierarchy in hierarchies:
        mine = {controller: bound for controller, bound in wanted.items() if _offers(hierarchy, controller)}
        freezes = hierarchy.version == 2 or "freezer" in hierarchy.controllers
        if not (mine.keys() - held or (freezes and not folders)):
            continue
        folder = _make(hierarchy, name, freezes)
        if folder is not None:
            folders.append(folder)
            held |= {
                controller for controller, bound in mine.items() if limit(folder, hierarchy.version, controller, bound)
            }
    return Made(tuple(folders), limited=held == wanted.keys())


def _make(hierarchy: Hierarchy, name: str, freezes: bool) -> str | None:
    folder = f"{hierarchy.base}/{name}"
    try:
        os.mkdir(folder)
    except OSError:
        return None
    if not freezes or _freezer(folder) is not None or hierarchy.controllers - {"freezer"}:
        return folder
    remove(folder)
    return None


def _offers(hierarchy: Hierarchy, controller: str) -> bool:
    if hierarchy.version == 1:
        return controller in hierarchy.controllers
    if controller not in _read(f"{hierarchy.base}/cgroup.controllers").split():
        return False
    return controller in _read(f"{hierarchy.base}/cgroup.subtree_control").split() or _write(
        f"{hierarchy.base}/cgroup.subtree_control", f"+{controller}"
    )


def limit(folder: str, version: int, controller: str, bound: int) -> bool:
    """Bounds a group: bytes of `memory`, processes of `pids`, microseconds of `cpu` in each PERIOD_US."""
    if controller == "pids":
        return _write(f"{folder}/pids.max", str(bound))
    if controller == "cpu":
        return _limit_cpu(folder, version, bound)
    if version == 1:
        return _write(f"{folder}/memory.limit_in_bytes", str(bound))
    _write(f"{folder}/memory.swap.max", "0")
    return _write(f"{folder}/memory.max", str(bound))


def _limit_cpu(folder: str, version: int, quota_us: int) -> bool:
    if version == 2:
        return _write(f"{folder}/cpu.max", f"{quota_us} {PERIOD_US}")
    return _write(f"{folder}/cpu.cfs_period_us", str(PERIOD_US)) and _write(f"{folder}/cpu.cfs_quota_us", str(quota_us))


def enter(folders: tuple[str, ...], pid: int) -> bool:
    """Moves a process, and the children that it may already have, into the groups; False where it is already gone.

    What it forked in that moment, and what left it at once, may escape: where a limit must hold, the process moves
    itself before it becomes the command (pid 0).
    """
    moved = [_write(f"{folder}/cgroup.procs", str(pid)) for folder in folders]
    for child in _read(f"/proc/{pid}/task/{pid}/children").split() if folders else ():
        enter(folders, int(child))
    return all(moved)


def freeze(folders: tuple[str, ...]) -> bool:
    """False where there is nothing that freezes."""
    freezer = _freezer(folders[0]) if folders else None
    return freezer is not None and _write(freezer, "1" if freezer.endswith("cgroup.freeze") else "FROZEN")


def thaw(folders: tuple[str, ...]) -> bool:
    freezer = _freezer(folders[0]) if folders else None
    return freezer is not None and _write(freezer, "0" if freezer.endswith("cgroup.freeze") else "THAWED")


def is_frozen(folders: tuple[str, ...]) -> bool:
    freezer = _freezer(folders[0]) if folders else None
    if freezer is None:
        return False
    if freezer.endswith("cgroup.freeze"):
        return "frozen 1" in _read(f"{folders[0]}/cgroup.events")
    return _read(freezer).strip() == "FROZEN"


def kill(folders: tuple[str, ...]) -> bool:
    """All of the group at once, atomically; False where the kernel cannot (version 1, or before 5.14)."""
    return bool(folders) and _write(f"{folders[0]}/cgroup.kill", "1")


def remove(folder: str) -> bool:
    """With the groups below it; False while a process is in one."""
    for place, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(place)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def out_of_memory_kills(folders: tuple[str, ...]) -> int:
    """How many processes the kernel has killed for the memory limit."""
    for folder in folders:
        for name in ("memory.events", "memory.oom_control"):
            for line in _read(f"{folder}/{name}").splitlines():
                if line.startswith("oom_kill "):
                    return int(line.split()[1])
    return 0


def _freezer(folder: str) -> str | None:
    paths = (f"{folder}/cgroup.freeze", f"{folder}/freezer.state")
    return next((path for path in paths if os.path.exists(path)), None)


def _read(path: str) -> str:
    with contextlib.suppress(OSError), open(path) as file:
        return file.read()
    return ""


def _write(path: str, text: str) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        os.write(descriptor, text.encode())
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
