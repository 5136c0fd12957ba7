"""The driver `qemu`: finds out how guests run here, makes templates, and machines from them.

Hardware assistance is used where it boots a guest to its first word, and nothing less is believed: a device that opens,
or a machine that is "running", is no guest. Else the guest is emulated: ten times slower, and a real machine.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from libs.contracts.size import Size
from services.vm_agent.image import store
from services.vm_agent.image.store import Image, Store
from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.bubblewrap.programs import own_uid
from services.vm_agent.sandbox.machine.sandbox import DISK_BYTES, Host
from services.vm_agent.sandbox.machine.template import DamagedTemplate, Template, Templates, check, key_of
from services.vm_agent.sandbox.network.namespace import Networks, obstacle
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import (
    Prepared,
    Probe,
    SandboxError,
    SandboxId,
    SandboxSpec,
    Shape,
)
from services.vm_agent.sandbox.qemu.command_line import KVM, TCG, Accelerator, Machine
from services.vm_agent.sandbox.qemu.host_clock import tsc_khz
from services.vm_agent.sandbox.qemu.sandbox import Qemu, QemuSandbox
from services.vm_agent.sandbox.run import run
from services.vm_agent.sandbox.sweep import Swept, sweep

PROBE_SIZE = Size(1, 512)
KVM_SECONDS = 10.0
"""Until a guest's first word with hardware assistance: it takes one. Where the assistance is itself emulated it takes
minutes, and then emulation by QEMU is faster."""
VERSION_SECONDS = 10.0
PROBED = "qemu-probe.json"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_VERSION = re.compile(r"version (\d+)\.(\d+)(\S*)")


class _Probed(msgspec.Struct, frozen=True):
    """What worked, for as long as neither the machine was restarted nor QEMU or the image changed."""

    boot_id: str
    version: str
    image: str
    accelerator: Accelerator
    why: str


class QemuDriver:
    name = "qemu"
    takes_forks = True
    makes_machines = True

    def __init__(self, premises: Premises, *, accelerator: Accelerator | None = None) -> None:
        """`accelerator` where it is known; else the probe finds out."""
        self._premises = premises
        self._store = Store(premises.images)
        self._templates = Templates(premises.templates)
        self._accelerator = accelerator
        self._qemu: Qemu | None = None
        self._version = self._no_network = ""
        self._preparing: dict[str, asyncio.Lock] = {}
        self._building: set[SandboxId] = set()

    @property
    def isolation(self) -> str:
        how = "hardware-assisted" if self._accelerator == KVM else "emulated"
        return f"a virtual machine with a kernel of its own ({how})"

    # Whether it works.

    async def probe(self) -> Probe:
        """Boots a guest, unless that was done since this host started, with this QEMU and this image."""
        try:
            image = await asyncio.to_thread(self._image)
            await self._find_qemu()
        except (SandboxError, OSError) as error:
            return Probe(works=False, why=str(error))
        known = self._remembered(image)
        if known is not None:
            self._accelerator = known.accelerator
            return Probe(works=True, why=known.why)
        return await self._try(image)

    async def _try(self, image: Image) -> Probe:
        troubles: list[str] = []
        for accelerator in (KVM, TCG) if os.access("/dev/kvm", os.R_OK | os.W_OK) else (TCG,):
            began = time.monotonic()
            trouble = await self._trouble_with(accelerator, image)
            if trouble is None:
                seconds = time.monotonic() - began
                without = f"; without KVM: {troubles[0]}" if troubles else ""
                why = f"QEMU {self._version} booted a guest in {seconds:.1f} s ({accelerator.name}){without}"
                why += f"; {self._no_network}" if self._no_network else ""
                self._accelerator = accelerator
                self._remember(image, accelerator, why)
                return Probe(works=True, why=why)
            troubles.append(f"{accelerator.name}: {trouble}")
        return Probe(works=False, why=f"QEMU {self._version} boots no guest here. {'; '.join(troubles)}")

    async def _trouble_with(self, accelerator: Accelerator, image: Image) -> str | None:
        spec = SandboxSpec(_new_id("probe"))
        sandbox = self._machine(spec, self._machine_of(spec, accelerator), image)
        self._building.add(sandbox.id)
        try:
            async with asyncio.timeout(KVM_SECONDS if accelerator == KVM else None):
                await sandbox.start()
                ended, _ = await run(sandbox, ["true"])
        except TimeoutError:
            return f"no guest said a word within {KVM_SECONDS:g} s"
        except (SandboxError, OSError) as trouble:
            return str(trouble)
        finally:
            await sandbox.destroy()
            self._building.discard(sandbox.id)
        return None if ended.code == 0 else f"`true` ended with {ended.code} in a guest"

    def _remembered(self, image: Image) -> _Probed | None:
        try:
            known = msgspec.json.decode((self._premises.folder / PROBED).read_bytes(), type=_Probed)
        except (OSError, msgspec.MsgspecError):
            return None
        same = (known.boot_id, known.version, known.image) == (BOOT_ID.read_text(), self._version, image.id)
        return known if same else None

    def _remember(self, image: Image, accelerator: Accelerator, why: str) -> None:
        self._premises.folder.mkdir(parents=True, exist_ok=True)
        probed = _Probed(BOOT_ID.read_text(), self._version, image.id, accelerator, why)
        (self._premises.folder / PROBED).write_bytes(msgspec.json.encode(probed))

    async def _find_qemu(self) -> Qemu:
        """Raises SandboxError."""
        if self._qemu is not None:
            return self._qemu
        program = shutil.which(self._premises.qemu)
        if program is None:
            raise SandboxError(
                f"{self._premises.qemu} is missing: install QEMU (Debian: apt-get install qemu-system-x86), "
                "or let FIREBREAK_QEMU name it"
            )
        process = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(VERSION_SECONDS):
            output, _ = await process.communicate()
        match = _VERSION.search(output.decode(errors="replace"))
        if match is None:
            raise SandboxError(f"{program} does not say its version")
        self._version = f"{match[1]}.{match[2]}{match[3]}"
        networks = None
        if (why := await asyncio.to_thread(obstacle)) is None:
            networks = Networks(self._premises.allow_networks)
        self._no_network = why or ""
        host = Host(cgroups.usable(), networks, own_uid)
        self._qemu = Qemu(program, (int(match[1]), int(match[2])), host)
        return self._qemu

    # Machines.

    def create(self, spec: SandboxSpec) -> QemuSandbox:
        image = self._image()
        machine = self._machine_of(spec, self._accelerator or TCG)
        template = self._template(machine, image, spec)
        return self._machine(spec, machine, image, template=template)

    async def prepare(self, shape: Shape) -> Prepared | None:
        """Boots a machine, warms it and saves it, unless there is a template already."""
        image = await asyncio.to_thread(self._image)
        spec = SandboxSpec(
            _new_id("template"),
            network=shape.network,
            memory_bytes=shape.size.memory_mib * 1024**2,
            cpus=shape.size.cpus,
            disk_bytes=shape.disk_bytes,
            trust=shape.trust,
        )
        machine = self._machine_of(spec, self._accelerator or TCG)
        identity = self._identity(machine, image, spec)
        key = key_of(identity)
        async with self._preparing.setdefault(key, asyncio.Lock()):
            if self._template(machine, image, spec) is not None:
                return None
            phases = await self._make_template(spec, machine, image, shape, identity)
        return Prepared(vm=spec.id, key=key, image=image.id, phases_ms=phases)

    async def _make_template(
        self, spec: SandboxSpec, machine: Machine, image: Image, shape: Shape, identity: list[str]
    ) -> dict[str, float]:
        key = key_of(identity)
        with self._templates.building(key) as building:
            sandbox = self._machine(spec, machine, image, saving=building)
            self._building.add(sandbox.id)
            try:
                ready = await sandbox.start()
                began = time.monotonic()
                await sandbox.save_template()
                saved = time.monotonic()
            finally:
                await sandbox.destroy()
                self._building.discard(sandbox.id)
            await asyncio.to_thread(self._templates.publish, building, identity, image.id, shape, machine.tsc_khz)
        hashed = time.monotonic()
        return {**ready.phases_ms, "saved": (saved - began) * 1000, "published": (hashed - saved) * 1000}

    def _template(self, machine: Machine, image: Image, spec: SandboxSpec) -> Template | None:
        """One that fits and is whole; a damaged one is removed."""
        template = self._templates.find(key_of(self._identity(machine, image, spec)))
        if template is None:
            return None
        try:
            check(template)
        except DamagedTemplate:
            self._templates.remove(template.key)
            return None
        return template

    def _identity(self, machine: Machine, image: Image, spec: SandboxSpec) -> list[str]:
        return [f"qemu {self._version}", f"image {image.id}", f"trust {spec.trust}", *machine.identity()]

    def _machine_of(self, spec: SandboxSpec, accelerator: Accelerator) -> Machine:
        assert self._qemu is not None, "a driver is probed before it is used"
        network = spec.network and self._qemu.host.networks is not None
        return Machine(accelerator, _size(spec), spec.disk_bytes or DISK_BYTES, network=network, tsc_khz=tsc_khz())

    def _machine(
        self,
        spec: SandboxSpec,
        machine: Machine,
        image: Image,
        *,
        template: Template | None = None,
        saving: Path | None = None,
    ) -> QemuSandbox:
        assert self._qemu is not None, "a driver is probed before it is used"
        folder = self._premises.sandboxes.resolve() / spec.id
        return QemuSandbox(spec, folder, self._qemu, machine, image, template=template, saving=saving)

    def _image(self) -> Image:
        """Raises NoImage, DamagedImage."""
        image = self._store.find(self._premises.image)
        store.check(image)
        return image

    # What is left over.

    async def sweep(self, live: Collection[SandboxId]) -> Sequence[Swept]:
        spared = {*live, *self._building}
        swept = await asyncio.to_thread(sweep, self._premises.sandboxes, spared)
        gone = await asyncio.to_thread(self._templates.sweep, building=bool(self._building))
        return [*swept, *(Swept(name, "a template that was not finished", removed=True) for name in gone)]


def _size(spec: SandboxSpec) -> Size:
    memory = spec.memory_bytes // 1024**2 if spec.memory_bytes else PROBE_SIZE.memory_mib
    return Size(spec.cpus or PROBE_SIZE.cpus, memory)


def _new_id(kind: str) -> SandboxId:
    return SandboxId(f"{kind}-{os.urandom(6).hex()}")
