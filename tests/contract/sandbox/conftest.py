"""Every sandbox test runs against each driver, with the kernel's cgroups and without, and against the ghost twin.

Machines are restored from a template that each test process makes once: a boot takes seconds, a restore a third of one.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from libs.contracts.size import Size
from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver
from services.vm_agent.sandbox.firecracker.driver import FirecrackerDriver
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.machine.ground import Host
from services.vm_agent.sandbox.machine.template import Templates
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Driver, Probe, Sandbox, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.qemu.driver import PROBED, QemuDriver
from services.vm_agent.sandbox.qemu.sandbox import QemuSandbox
from services.vm_agent.sandbox.run import run
from tests.contract.sandbox.ghost import GhostDriver
from tests.fakes.fcctl.client import FakeFcctlDriver
from tests.images import NAME, images_folder

ROOT = Path(__file__).resolve().parents[3]
MEMORY_MIB = 512
DISK_BYTES = 2 * 1024**3


def fake_firecracker(folder: Path) -> Path:
    """A program that is started as Firecracker is."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "firecracker"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.fakes.firecracker "$@"\n')
    program.chmod(0o755)
    return program


class FakeFirecrackerDriver(FirecrackerDriver):
    """The driver as it is, with a server of Firecracker's rules for Firecracker."""

    def __init__(self, folder: Path) -> None:
        program = fake_firecracker(folder.parent / "programs")
        premises = Premises(folder.parent, images_folder(), image=NAME, firecracker=str(program))
        super().__init__(premises, jailed=False, needs_kvm=False)

    async def _stand(self) -> Host:
        """No network: there is no guest that could use it."""
        return Host(cgroups.usable(), None, lambda: None)


class MachineDriver(QemuDriver):
    """With a template for what the tests ask for; `templates` outlives the tests, their machines do not."""

    templates = Path()

    def __init__(self, folder: Path) -> None:
        super().__init__(Premises(folder.parent, images_folder(), image=NAME))
        self._templates = Templates(self.templates)

    async def probe(self) -> Probe:
        remembered, own = self.templates / PROBED, self._premises.folder / PROBED
        if remembered.exists() and not own.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(remembered, own)
        probe = await super().probe()
        if probe.works:
            shutil.copy(own, remembered)
            await self.prepare(Shape(Size(1, MEMORY_MIB), "fork", True, DISK_BYTES))
        return probe

    def create(self, spec: SandboxSpec) -> QemuSandbox:
        return super().create(msgspec.structs.replace(spec, disk_bytes=spec.disk_bytes or DISK_BYTES))


DRIVERS: Mapping[str, Callable[[Path], Driver]] = {
    "host": HostDriver,
    "host without cgroups": lambda folder: HostDriver(folder, hierarchies=[]),
    "bubblewrap": BubblewrapDriver,
    "bubblewrap without cgroups": lambda folder: BubblewrapDriver(folder, hierarchies=[]),
    "ghost": GhostDriver,
    "qemu": MachineDriver,
    "firecracker": FakeFirecrackerDriver,
    "fcctl": FakeFcctlDriver,
}

ELSEWHERE = frozenset({"fcctl"})
"""Whose machines are on no host of ours: no watchdog here could stop or end their processes."""


def new_spec(**limits: object) -> SandboxSpec:
    return SandboxSpec(id=SandboxId(f"test-{os.urandom(6).hex()}"), **limits)  # type: ignore[arg-type]


@pytest.fixture(scope="session", autouse=True)
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of this test process: a template that two make at once would be made twice."""
    MachineDriver.templates = tmp_path_factory.mktemp("templates")
    yield MachineDriver.templates
    shutil.rmtree(MachineDriver.templates, ignore_errors=True)


@pytest.fixture(params=DRIVERS)
async def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Driver:
    made = DRIVERS[request.param](tmp_path / "sandboxes")
    probe = await made.probe()
    if not probe.works:
        pytest.skip(probe.why)
    return made


@pytest.fixture
async def sandbox(driver: Driver) -> AsyncIterator[Sandbox]:
    made = driver.create(new_spec())
    await made.start()
    yield made
    await made.destroy()


async def shell(sandbox: Sandbox, script: str, **env: str) -> tuple[int, str]:
    ended, output = await run(sandbox, ["sh", "-c", script], env=env)
    return ended.code, output.decode()
