"""What a machine stands on: its folder, its cgroup, its network; told to others before it is made, so that whoever
outlives this process can remove it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from libs.contracts.size import Size
from services.vm_agent.sandbox import cgroups, processes, standstill
from services.vm_agent.sandbox.footprint import FILE_NAME, Footprint
from services.vm_agent.sandbox.guest import identity
from services.vm_agent.sandbox.network import policy
from services.vm_agent.sandbox.network.namespace import Networks
from services.vm_agent.sandbox.protocol import Capability, SandboxSpec

OVERHEAD_BYTES = 384 * 1024**2
"""Of a VMM beyond its guest's memory: translated code, device buffers, the program."""
PROCESSES = 64
"""Threads of one VMM: one a processor, and a few for its disks."""


@dataclass(frozen=True, slots=True)
class Host:
    """What machines stand on here. `networks` None: they get none; `uid` gives each a user of its own, None where this
    process cannot."""

    hierarchies: list[cgroups.Hierarchy]
    networks: Networks | None
    uid: Callable[[], int | None]
    proofs: identity.Proofs = field(default_factory=identity.Proofs)


class Ground:
    """`folder` is this machine's own and does not exist yet."""

    def __init__(self, spec: SandboxSpec, folder: Path, host: Host, size: Size) -> None:
        self._spec, self._folder, self._host, self._size = spec, folder, host, size
        self._networks = host.networks if spec.network else None
        self.uid, self.proofs = host.uid(), host.proofs
        # Nothing is its own before it is made: a second sandbox of that name must not remove the first one's.
        self.footprint = Footprint(id=spec.id, folder="")

    def make(self) -> frozenset[Capability]:
        """What a machine can do for it. Blocking. Raises SandboxLost, OSError."""
        os.makedirs(self._folder.parent, exist_ok=True)
        os.mkdir(self._folder, 0o700)
        self._tell(Footprint(id=self._spec.id, folder=str(self._folder)))
        name = cgroups.name_of(str(self._folder))
        made = cgroups.make(
            self._host.hierarchies,
            name,
            memory_bytes=self._size.memory_bytes + OVERHEAD_BYTES,
            processes=PROCESSES,
            cpus=self._size.cpus,
        )
        self._tell(self.footprint._replace(cgroups=made.folders))
        granted: set[Capability] = set()
        if made.folders:
            granted.add(Capability.FREEZER)
        if made.folders and made.limited:
            granted.add(Capability.LIMITS)
        if self._networks is not None:
            # Told before it is made: what is made in part is removed too.
            self._tell(self.footprint._replace(namespace=name))
            self._networks.make(name, self._spec.trust, self.uid)
            granted.add(Capability.NETWORK_POLICY)
        return frozenset(granted)

    @property
    def guest_network(self) -> identity.Network | None:
        """The same in every machine: each has a network of its own."""
        if self._networks is None:
            return None
        return identity.Network(f"{policy.GUEST}/{policy.BITS}", policy.GATEWAY, policy.GATEWAY)

    def vmm_started(self, pid: int) -> None:
        self._tell(self.footprint._replace(init=pid, init_started=processes.started(pid)))

    def vmm_gone(self) -> None:
        self._tell(self.footprint._replace(init=0, init_started=0))

    def remove(self) -> None:
        """All of it, with what still runs there. Blocking. Raises StillRunning, OSError."""
        standstill.destroy(self.footprint)
        self.footprint = Footprint(id=self._spec.id, folder="")

    def _tell(self, footprint: Footprint) -> None:
        own = os.getpid()
        self.footprint = footprint._replace(owner=own, owner_started=processes.started(own))
        (self._folder / FILE_NAME).write_text(self.footprint.to_json())
