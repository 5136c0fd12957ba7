"""What every driver of virtual machines does alike: images, templates, one at a time a kind, and the sweep.

A driver adds its programs, whether they work, what a template's fit depends on, and its machines.
"""

from __future__ import annotations

import abc
import asyncio
import os
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from libs.contracts.size import MIB, Size
from services.vm_agent.image import store
from services.vm_agent.image.store import Image, Store
from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.live import Live
from services.vm_agent.sandbox.machine.ground import Host
from services.vm_agent.sandbox.machine.sandbox import DISK_BYTES, MachineSandbox
from services.vm_agent.sandbox.machine.template import DamagedTemplate, Template, Templates, check, key_of, verify
from services.vm_agent.sandbox.network.namespace import Networks, obstacle
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Prepared, SandboxError, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.run import run
from services.vm_agent.sandbox.sweep import Swept, sweep
from services.vm_agent.sandbox.users import own_uid

USUAL_SIZE = Size(1, 512)
"""Of a probe, and where a spec asks for nothing."""


class MachineDriver(abc.ABC):
    name: str
    takes_forks = True
    makes_machines = True
    links_templates = False
    """Its VMMs get links to a template's files, and may only read them."""

    def __init__(self, premises: Premises) -> None:
        self._premises = premises
        self._store = Store(premises.images)
        self._templates = Templates(premises.templates)
        self._no_network = ""
        self._preparing: dict[str, asyncio.Lock] = {}
        self._building: set[SandboxId] = set()
        self._verified: set[str] = set()
        """Templates that this process has made, or read to the last byte."""

    @abc.abstractmethod
    def _fits(self, spec: SandboxSpec) -> list[str]:
        """All beside image and trust class that must be equal for a template to fit."""
        ...

    @abc.abstractmethod
    def _sandbox(
        self, spec: SandboxSpec, image: Image, *, template: Template | None = None, saving: Path | None = None
    ) -> MachineSandbox:
        """`saving` is the folder into which its `save_template` will write."""
        ...

    async def _stand(self) -> Host:
        """What machines stand on here, found out once."""
        self._no_network = await asyncio.to_thread(obstacle) or ""
        networks = None if self._no_network else Networks(self._premises.allow_networks)
        return Host(cgroups.usable(), networks, own_uid)

    def create(self, spec: SandboxSpec) -> MachineSandbox:
        """Raises SandboxError where there is no whole image."""
        image = self._image()
        return self._sandbox(spec, image, template=self._template(spec, image))

    async def prepare(self, shape: Shape) -> Prepared | None:
        """Boots a machine, warms it and saves it, unless there is a template already."""
        image = await asyncio.to_thread(self._image)
        spec = shape.spec(new_id("template"))
        identity = self._identity(spec, image)
        key = key_of(identity)
        async with self._preparing.setdefault(key, asyncio.Lock()):
            template = self._template(spec, image)
            if template is not None and await asyncio.to_thread(self._is_whole, template):
                return None
            phases = await self._make_template(spec, image, shape, identity)
        return Prepared(vm=spec.id, key=key, image=image.id, phases_ms=phases)

    async def sweep(self, live: Collection[SandboxId]) -> Sequence[Swept]:
        # Both are asked at each look: a job may begin, or a template be begun, while the sweep goes on.
        spared = Live(lambda: live, lambda: list(self._building))
        swept = await asyncio.to_thread(sweep, self._premises.sandboxes, spared)
        gone = await asyncio.to_thread(self._templates.sweep, building=bool(self._building))
        return [*swept, *(Swept(name, "a template, half-made or long unused", removed=True) for name in gone)]

    async def _make_template(
        self, spec: SandboxSpec, image: Image, shape: Shape, identity: list[str]
    ) -> dict[str, float]:
        with self._templates.building(key_of(identity)) as building:
            sandbox = self._sandbox(spec, image, saving=building)
            self._building.add(sandbox.id)
            try:
                ready = await sandbox.start()
                began = time.monotonic()
                await sandbox.warm_up()
                await sandbox.save_template()
                saved = time.monotonic()
                await sandbox.destroy()
                template = await asyncio.to_thread(self._templates.publish, building, identity, image.id, shape)
            finally:
                await sandbox.destroy()
                self._building.discard(sandbox.id)
        self._verified.add(template.key)
        published = time.monotonic()
        await asyncio.to_thread(self._templates.remove_others, template)
        return {**ready.phases_ms, "saved": (saved - began) * 1000, "published": (published - saved) * 1000}

    async def _try(self) -> float:
        """Boots a guest until a command has run in it; the seconds. Raises SandboxError."""
        began = time.monotonic()
        sandbox = self._sandbox(SandboxSpec(new_id("probe")), await asyncio.to_thread(self._image))
        self._building.add(sandbox.id)
        try:
            await sandbox.start()
            ended, _ = await run(sandbox, ["true"])
        finally:
            await sandbox.destroy()
            self._building.discard(sandbox.id)
        if ended.code != 0:
            raise SandboxError(f"`true` ended with {ended.code} in a guest")
        return time.monotonic() - began

    def _template(self, spec: SandboxSpec, image: Image) -> Template | None:
        """One that fits and is whole; a damaged one is removed."""
        template = self._templates.find(key_of(self._identity(spec, image)))
        if template is None:
            return None
        try:
            check(template, linked=self.links_templates)
        except DamagedTemplate:
            self._templates.remove(template.key)
            return None
        self._templates.used(template)
        return template

    def _is_whole(self, template: Template) -> bool:
        """All of its bytes, once in this process's life: what an earlier one left may have met a crash. Blocking."""
        if template.key not in self._verified:
            try:
                verify(template, linked=self.links_templates)
            except DamagedTemplate:
                self._templates.remove(template.key)
                return False
            self._verified.add(template.key)
        return True

    def _identity(self, spec: SandboxSpec, image: Image) -> list[str]:
        return [self.name, f"image {image.id}", f"trust {spec.trust}", *self._fits(spec)]

    def _image(self) -> Image:
        """Raises NoImage, DamagedImage."""
        image = self._store.find(self._premises.image)
        store.check(image)
        return image

    def _and_network(self, why: str) -> str:
        return f"{why}; {self._no_network}" if self._no_network else why


def program_mark(path: str) -> str:
    """Changes when another program is installed under the same name while the agent runs: its version is asked once."""
    try:
        found = os.stat(path)
    except OSError:
        return f"program {path} missing"
    return f"program {found.st_size} {found.st_mtime_ns}"


def size_of(spec: SandboxSpec) -> Size:
    memory = spec.memory_bytes // MIB if spec.memory_bytes else USUAL_SIZE.memory_mib
    return Size(spec.cpus or USUAL_SIZE.cpus, memory)


def disk_of(spec: SandboxSpec) -> int:
    return spec.disk_bytes or DISK_BYTES


def new_id(kind: str) -> SandboxId:
    return SandboxId(f"{kind}-{os.urandom(6).hex()}")
