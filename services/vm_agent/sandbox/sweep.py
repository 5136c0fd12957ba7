"""Finds what sandboxes of agents that are gone have left on this machine, and removes it.

At the start of an agent it finds what neither the agent that made it nor its watchdog cleaned up, both having been
killed; every minute, what this agent itself has lost sight of. A sandbox whose owner is another living process is
nobody's leftover. It knows nothing of events: it says what it did.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from services.vm_agent.sandbox import cgroups, namespaces, processes, standstill
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint, from_json


class Swept(NamedTuple):
    """`what` is for people: what was found, and what resisted, if anything did."""

    id: str
    what: str
    removed: bool


def sweep(folder: Path, live: Collection[str] = ()) -> list[Swept]:
    """Removes the leftovers below `folder`, all but `live`; blocking. Trouble with one is told and stops no other."""
    folder = folder.resolve()
    if not folder.is_dir():
        return []
    # What ended between the look at the folder and the look at `live` is gone by then, and was no leftover.
    leftovers = [place for place in sorted(folder.iterdir()) if not _is_spared(place, live) and place.exists()]
    return [*map(_sweep_one, leftovers), *_sweep_cgroups(folder, live), *_sweep_namespaces(folder, live)]


def orphans(folder: Path) -> list[Footprint]:
    """What stands below `folder` and wrote down an owner that is dead. What has no owner yet is left to a sweep: it may
    be another agent's, just being made."""
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    found = [_footprint_of(place) for place in places]
    return [footprint for footprint in found if footprint.owner and not _is_owned(footprint)]


def _is_spared(place: Path, live: Collection[str]) -> bool:
    footprint = _footprint_of(place)
    return place.name in live or (footprint.owner != os.getpid() and _is_owned(footprint))


def _sweep_one(place: Path) -> Swept:
    footprint = _footprint_of(place)
    try:
        running = len(_running(footprint))
        # Whoever made it may have died before it put a process into the cgroup or wrote it down.
        standstill.kill(footprint)
        standstill.destroy(footprint)
    except (standstill.StillRunning, OSError) as trouble:
        return Swept(place.name, f"cannot be removed: {trouble}", removed=False)
    return Swept(place.name, f"its folder, with {running} processes", removed=True)


def _running(footprint: Footprint) -> set[int]:
    by_name = [] if footprint.init else processes.by_name_or_descent(footprint)
    return {process.pid for process in (*processes.members(footprint), *by_name)}


def _footprint_of(place: Path) -> Footprint:
    """What it wrote of itself, taken with care: a job of the host driver can write there, too."""
    try:
        written = from_json((place / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return Footprint(id=place.name, folder=str(place))
    own_groups = tuple(path for path in written.cgroups if path.endswith(f"/{cgroups.name_of(str(place))}"))
    namespace = written.namespace if written.namespace == cgroups.name_of(str(place)) else ""
    groups = tuple(filter(os.path.isdir, own_groups))
    return written._replace(id=place.name, folder=str(place), cgroups=groups, namespace=namespace)


def _is_owned(footprint: Footprint) -> bool:
    return bool(footprint.owner) and processes.alive(footprint.owner, footprint.owner_started)


def _sweep_cgroups(folder: Path, live: Collection[str]) -> list[Swept]:
    """Groups whose folder is gone, with what still runs in them: their names say that they are this agent's."""
    swept: list[Swept] = []
    for hierarchy in cgroups.usable():
        for place in Path(hierarchy.base).glob(f"{cgroups.prefix_of(str(folder))}*"):
            name = place.name.removeprefix(cgroups.prefix_of(str(folder)))
            if name in live or (folder / name).exists() or not place.exists():
                continue
            running = len(processes.in_cgroup(str(place)))
            try:
                standstill.destroy(Footprint(id=name, folder="", cgroups=(str(place),)))
            except (standstill.StillRunning, OSError) as trouble:
                swept.append(Swept(name, f"its cgroup {place} cannot be removed: {trouble}", removed=False))
            else:
                swept.append(Swept(name, f"its cgroup {place}, with {running} processes", removed=True))
    return swept


def _sweep_namespaces(folder: Path, live: Collection[str]) -> list[Swept]:
    """Networks whose machine is gone."""
    swept: list[Swept] = []
    prefix = cgroups.prefix_of(str(folder))
    for namespace in namespaces.with_prefix(prefix):
        name = namespace.removeprefix(prefix)
        if name in live or (folder / name).exists():
            continue
        try:
            namespaces.remove(namespace)
        except OSError as trouble:
            swept.append(Swept(name, f"its network cannot be removed: {trouble}", removed=False))
        else:
            swept.append(Swept(name, f"its network namespace {namespace}", removed=True))
    return swept
