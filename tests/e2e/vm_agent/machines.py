"""A driver that makes "machines" of host sandboxes, with the rules of real ones: a template first, one job each.

It enforces what a pool must keep to: nobody uses a machine that was destroyed, or asks for one twice, and a second
`start` is the question whether it still answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from services.vm_agent.sandbox.host import HostDriver, HostSandbox
from services.vm_agent.sandbox.protocol import (
    Exec,
    Output,
    Prepared,
    Ready,
    SandboxId,
    SandboxLost,
    SandboxSpec,
    Shape,
)

IMAGE = "image-1"


class TwinMachine(HostSandbox):
    def __init__(self, spec: SandboxSpec, folder: Path, driver: TwinDriver) -> None:
        super().__init__(spec, folder, [])
        self.spec, self._driver = spec, driver
        self.died = ""
        self.stands = False
        self.destroyed = 0
        self.ran: list[Sequence[str]] = []

    async def start(self) -> Ready:
        if self.died:
            raise SandboxLost(self.died)
        if self.stands:
            return Ready("pooled", {"answered": 1.0}, pid=1, image=self._driver.image)
        self._driver.may_start(self.spec)
        await super().start()
        self.stands = True
        return Ready("restored", {"loaded": 1.0}, pid=1, image=self._driver.image)

    async def exec(
        self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, output: Output, user: str | None = None
    ) -> Exec:
        assert not self.destroyed, "a machine is used after its end"
        self.ran.append(argv)
        return await super().exec(argv, env=env, cwd=cwd, output=output, user=user)

    async def destroy(self) -> None:
        self.destroyed += 1
        self.stands = False
        await super().destroy()


class TwinDriver(HostDriver):
    """`machines` are all it ever made, by name; `trouble` makes every start fail with it, `no_template` every
    template, `damaged` even the making of a sandbox."""

    name = "twin"
    isolation = "a twin's"
    takes_forks = True
    makes_machines = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.place = folder
        self.machines: dict[SandboxId, TwinMachine] = {}
        self.templates: set[Shape] = set()
        self.image = IMAGE
        self.trouble = self.no_template = self.damaged = ""

    def create(self, spec: SandboxSpec) -> TwinMachine:
        if self.damaged:
            raise SandboxLost(self.damaged)
        assert spec.id not in self.machines, f"{spec.id} is asked for twice"
        made = self.machines[spec.id] = TwinMachine(spec, self.place / spec.id, self)
        return made

    def may_start(self, spec: SandboxSpec) -> None:
        if self.trouble:
            raise SandboxLost(self.trouble)
        assert None not in (spec.memory_bytes, spec.cpus, spec.disk_bytes), "a machine has a size"

    async def prepare(self, shape: Shape) -> Prepared | None:
        if self.no_template:
            raise SandboxLost(self.no_template)
        if shape in self.templates:
            return None
        self.templates.add(shape)
        return Prepared(SandboxId(f"template-{len(self.templates)}"), f"key-{self.image}", self.image, {"booted": 1.0})

    def another_image(self, image: str) -> None:
        self.image = image
        self.templates.clear()

    @property
    def standing(self) -> list[TwinMachine]:
        return [one for one in self.machines.values() if one.stands]
