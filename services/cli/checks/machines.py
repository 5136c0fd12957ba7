"""What machines stand on, each thing tried: the image read, a network made, cgroups made and limited.

What is made is removed. Whether a machine then boots is the drivers' to show: see `drivers`.
"""

from __future__ import annotations

import asyncio
import tempfile

from libs.settings import Settings
from services.cli.checks.finding import Finding


async def image(settings: Settings) -> Finding:
    """Reads all of it."""
    from services.vm_agent.image.store import DamagedImage, NoImage, Store, verify

    try:
        found = Store(settings.images).find(settings.image)
        await asyncio.to_thread(verify, found)
    except NoImage as error:
        return Finding("image", "optional", str(error))
    except (DamagedImage, OSError) as error:
        return Finding("image", "missing", str(error))
    manifest = found.manifest
    told = f"{found.name} ({found.id}), {manifest.suite}, kernel {manifest.kernel}, whole"
    return Finding("image", "works", told)


async def network(settings: Settings) -> Finding:
    """Makes one, with all rules."""
    from services.vm_agent.sandbox.network.namespace import obstacle

    trouble = await asyncio.to_thread(obstacle)
    if trouble:
        return Finding("network of machines", "optional", f"{trouble}. Jobs in machines can then fetch nothing")
    return Finding("network of machines", "works", "a namespace, its devices and its rules were made, and removed")


async def groups(settings: Settings) -> Finding:
    """Makes one for each limit."""
    from services.vm_agent.sandbox import cgroups

    hierarchies = cgroups.usable()
    if not hierarchies:
        why = (
            "no cgroup can be written: sandboxes are paused by SIGSTOP, and memory, processors and processes have no "
            "limit on the host's side; run the agent as root, or with `Delegate=yes` in its unit"
        )
        return Finding("cgroups", "optional", why)
    with tempfile.TemporaryDirectory(prefix="firebreak-doctor-") as folder:
        name = cgroups.name_of(f"{folder}/limits")
        tries: dict[str, cgroups.Made] = {}
        for limit, asked in {
            "memory": lambda: cgroups.make(hierarchies, name, memory_bytes=64 * 1024**2),
            "processes": lambda: cgroups.make(hierarchies, name, processes=64),
            "processors": lambda: cgroups.make(hierarchies, name, cpus=1),
        }.items():
            tries[limit] = asked()
            for place in tries[limit].folders:
                cgroups.remove(place)
    held = [limit for limit, made in tries.items() if made.limited]
    lost = [limit for limit, made in tries.items() if not made.limited]
    versions = " and ".join(sorted({f"v{it.version}" for it in hierarchies}))
    told = f"{versions}; limits hold for {', '.join(held) or 'nothing'}"
    if lost:
        why = (
            f"{told}, not for {', '.join(lost)}: that controller is not given to this process (`Delegate=yes` does it)"
        )
        return Finding("cgroups", "optional", why)
    return Finding("cgroups", "works", told)
