"""The driver `qemu`: finds out how guests run here, makes templates, and machines from them.

Hardware assistance is used where it boots a guest to its first word, and nothing less is believed: a device that opens,
or a machine that is "running", is no guest. Else the guest is emulated: ten times slower, and a real machine.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

from services.vm_agent.image.store import Image, check
from services.vm_agent.sandbox.machine import remembered
from services.vm_agent.sandbox.machine.driver import MachineDriver, disk_of, program_mark, size_of
from services.vm_agent.sandbox.machine.saving import SavedAs, Source
from services.vm_agent.sandbox.machine.template import Template, key_of
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Probe, SandboxError, SandboxId, SandboxLost, SandboxSpec, Shape
from services.vm_agent.sandbox.qemu.command_line import KVM, TCG, Accelerator, Machine
from services.vm_agent.sandbox.qemu.host_clock import tsc_khz
from services.vm_agent.sandbox.qemu.sandbox import Qemu, QemuSandbox

KVM_SECONDS = 10.0
"""Until a guest's first word with hardware assistance: it takes one. Where the assistance is itself emulated it takes
minutes, and then emulation by QEMU is faster."""
VERSION_SECONDS = 10.0
PROBED = "qemu-probe.json"
_VERSION = re.compile(r"version (\d+)\.(\d+)(\S*)")


class QemuDriver(MachineDriver):
    name = "qemu"

    def __init__(self, premises: Premises, *, accelerator: Accelerator | None = None) -> None:
        """`accelerator` where it is known; else the probe finds out."""
        super().__init__(premises)
        self._accelerator = accelerator
        self._qemu: Qemu | None = None
        self._version = ""

    @property
    def isolation(self) -> str:
        how = "hardware-assisted" if self._accelerator == KVM else "emulated"
        return f"a virtual machine with a kernel of its own ({how})"

    @property
    def assisted(self) -> bool:
        """Whether the processor helps; known once the probe has booted a guest."""
        return self._accelerator == KVM

    # Whether it works.

    async def probe(self) -> Probe:
        """Boots a guest, unless that was done since this host started, with this QEMU and this image."""
        try:
            image = await asyncio.to_thread(self._image)
            await self._find_qemu()
        except (SandboxError, OSError) as error:
            return Probe(works=False, why=str(error))
        return self._recall(image) or await self._find_accelerator(image)

    async def _find_accelerator(self, image: Image) -> Probe:
        troubles: list[str] = []
        for accelerator in (KVM, TCG) if _kvm_opens() else (TCG,):
            self._accelerator = accelerator
            try:
                async with asyncio.timeout(KVM_SECONDS if accelerator == KVM else None):
                    seconds = await self._try()
            except TimeoutError:
                troubles.append(f"{accelerator.name}: no guest said a word within {KVM_SECONDS:g} s")
            except (SandboxError, OSError) as trouble:
                troubles.append(f"{accelerator.name}: {trouble}")
            else:
                without = f"; not by {troubles[0]}" if troubles else ""
                why = f"QEMU {self._version} booted a guest in {seconds:.1f} s ({accelerator.name}{without})"
                probe = Probe(works=True, why=self._and_network(why))
                remembered.remember(self._premises.folder / PROBED, self._fit_of_probe(accelerator, image), probe)
                return probe
        self._accelerator = None
        return Probe(works=False, why=f"QEMU {self._version} boots no guest here. {'; '.join(troubles)}")

    def _recall(self, image: Image) -> Probe | None:
        for accelerator in (KVM, TCG):
            known = remembered.recall(self._premises.folder / PROBED, self._fit_of_probe(accelerator, image))
            if known is not None:
                self._accelerator = accelerator
                return known
        return None

    def _fit_of_probe(self, accelerator: Accelerator, image: Image) -> tuple[str, ...]:
        assert self._qemu is not None
        kvm = f"/dev/kvm {'opens' if _kvm_opens() else 'does not open'}"
        return (accelerator.name, self._version, program_mark(self._qemu.program), image.id, self._no_network, kvm)

    async def _find_qemu(self) -> Qemu:
        """Raises SandboxError."""
        if self._qemu is not None:
            return self._qemu
        program = _found(self._premises.qemu)
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
        self._qemu = Qemu(program, (int(match[1]), int(match[2])), await self._stand())
        return self._qemu

    # Machines.

    def _fits(self, spec: SandboxSpec) -> list[str]:
        assert self._qemu is not None, "a driver is probed before it is used"
        return [f"qemu {self._version}", program_mark(self._qemu.program), *self._machine_of(spec).identity()]

    def _machine_of(self, spec: SandboxSpec) -> Machine:
        assert self._qemu is not None, "a driver is probed before it is used"
        return Machine(
            accelerator=self._accelerator or TCG,
            size=size_of(spec),
            disk_bytes=disk_of(spec),
            network=spec.network and self._qemu.host.networks is not None,
            tsc_khz=tsc_khz(),
        )

    def _sandbox(
        self, spec: SandboxSpec, image: Image, *, template: Template | None = None, saving: Path | None = None
    ) -> QemuSandbox:
        assert self._qemu is not None, "a driver is probed before it is used"
        folder = self._premises.sandboxes.resolve() / spec.id
        machine, fit = self._machine_of(spec), key_of(self._identity(spec, image))
        return QemuSandbox(spec, folder, self._qemu, machine, image, template=template, saving=saving, fit=fit)

    def revive(self, name: SandboxId, saved: SavedAs, source: Source) -> QemuSandbox:
        """See `saving.Reviver`."""
        assert self._qemu is not None, "a driver is probed before it is used"
        spec = Shape(saved.size, saved.trust, saved.network, saved.disk_bytes).spec(name)
        image = self._store.find(saved.image) if source.memory is not None else self._image()
        check(image)
        fit = key_of(self._identity(spec, image))
        if source.memory is not None and fit != saved.fit:
            raise SandboxLost(
                f"a machine was saved as {saved.fit}, and QEMU, image or network of this host make {fit} now: its "
                "memory fits no more; its disk alone still can be looked at"
            )
        folder = self._premises.sandboxes.resolve() / name
        template = None if source.memory is not None else self._template(spec, image)
        machine = self._machine_of(spec)
        return QemuSandbox(spec, folder, self._qemu, machine, image, template=template, source=source, fit=fit)


def _kvm_opens() -> bool:
    return os.access("/dev/kvm", os.R_OK | os.W_OK)


def _found(program: str) -> str | None:
    """Its absolute path: it is started in another folder than this one."""
    path = shutil.which(program)
    return None if path is None else os.path.abspath(path)
