"""The driver `firecracker`: finds its programs, shows that a guest boots, makes templates, and machines from them."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
from pathlib import Path

from services.vm_agent.image.store import Image
from services.vm_agent.sandbox.firecracker.requests import Machine, Version
from services.vm_agent.sandbox.firecracker.sandbox import Firecracker, FirecrackerSandbox
from services.vm_agent.sandbox.machine import remembered
from services.vm_agent.sandbox.machine.driver import MachineDriver, disk_of, program_mark, size_of
from services.vm_agent.sandbox.machine.template import Template
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Probe, SandboxError, SandboxSpec

PROBE_SECONDS = 30.0
"""A guest says its first word within a second where KVM is real. Where it is itself emulated it would take minutes."""
VERSION_SECONDS = 10.0
PROBED = "firecracker-probe.json"
LEAST: Version = (1, 10)
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\S+)")


class FirecrackerDriver(MachineDriver):
    name = "firecracker"
    links_templates = True

    def __init__(self, premises: Premises, *, jailed: bool = True, needs_kvm: bool = True) -> None:
        """Without jail and KVM only where what is started is no Firecracker, but speaks like one."""
        super().__init__(premises)
        self._jailed, self._needs_kvm = jailed, needs_kvm
        self._firecracker: Firecracker | None = None
        self._full_version = ""

    @property
    def isolation(self) -> str:
        return "a microVM with a kernel of its own" + (", in a jail" if self._jailed else "; no jail around it")

    async def probe(self) -> Probe:
        """Boots a guest to the first command that runs in it, unless one was tried since this host started."""
        try:
            self._find()
            image = await asyncio.to_thread(self._image)
            firecracker = await self._find_firecracker()
        except (SandboxError, OSError) as error:
            return Probe(works=False, why=str(error))
        path = self._premises.folder / PROBED
        fit = (self._full_version, program_mark(firecracker.program), image.id, str(self._jailed), self._no_network)
        known = remembered.recall(path, fit)
        if known is not None:
            again = "" if known.works else f" (seen since this host's start; remove {path} to have it tried again)"
            return Probe(works=known.works, why=known.why + again)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                seconds = await self._try()
        except TimeoutError:
            why = (
                f"Firecracker {self._full_version} starts, and no guest says a word within {PROBE_SECONDS:g} s: "
                "/dev/kvm is there and runs no guest at speed (nested virtualization?); use the driver qemu"
            )
            probe = Probe(works=False, why=why)
        except (SandboxError, OSError) as error:
            return Probe(works=False, why=str(error))
        else:
            why = f"Firecracker {self._full_version} booted a guest in {seconds:.1f} s"
            probe = Probe(works=True, why=self._and_network(why))
        remembered.remember(path, fit, probe)
        return probe

    def _find(self) -> tuple[str, str | None]:
        """The programs. Raises SandboxError."""
        program = shutil.which(self._premises.firecracker)
        if program is None:
            raise SandboxError(
                f"{self._premises.firecracker} is missing: install Firecracker, or let FIREBREAK_FIRECRACKER name it"
            )
        jailer = shutil.which(self._premises.jailer) if self._jailed else None
        if self._jailed and jailer is None:
            raise SandboxError(
                f"{self._premises.jailer} is missing: it comes with Firecracker; or let FIREBREAK_JAILER name it"
            )
        if self._jailed and os.geteuid() != 0:
            raise SandboxError("the jailer needs root: run the agent as root, or use the driver qemu")
        if self._needs_kvm and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise SandboxError("/dev/kvm cannot be opened: this machine has no KVM, or this user may not use it")
        return os.path.realpath(program), jailer

    async def _find_firecracker(self) -> Firecracker:
        if self._firecracker is not None:
            return self._firecracker
        program, jailer = self._find()
        process = await asyncio.create_subprocess_exec(program, "--version", stdout=asyncio.subprocess.PIPE)
        try:
            async with asyncio.timeout(VERSION_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError:
            process.kill()
            raise SandboxError(f"{program} does not say its version within {VERSION_SECONDS:g} s") from None
        match = _VERSION.search(output.decode(errors="replace"))
        if match is None:
            raise SandboxError(f"{program} does not say its version")
        version = (int(match[1]), int(match[2]))
        self._full_version = f"{match[1]}.{match[2]}.{match[3]}"
        if version < LEAST:
            raise SandboxError(f"Firecracker {self._full_version} is too old: {LEAST[0]}.{LEAST[1]} is needed")
        self._firecracker = Firecracker(program, jailer, version, await self._stand())
        return self._firecracker

    def _fits(self, spec: SandboxSpec) -> list[str]:
        """Firecracker itself asks for the same version, processor and host kernel."""
        machine = self._machine_of(spec)
        assert self._firecracker is not None
        return [
            f"firecracker {self._full_version} {program_mark(self._firecracker.program)}",
            f"processor {_processor()}",
            f"host {platform.release()}",
            f"size {machine.size}",
            f"network {machine.network}",
            f"disk {disk_of(spec)}",
        ]

    def _machine_of(self, spec: SandboxSpec) -> Machine:
        assert self._firecracker is not None, "a driver is probed before it is used"
        network = spec.network and self._firecracker.host.networks is not None
        return Machine(size_of(spec), network, prefix="/" if self._jailed else "")

    def _sandbox(
        self, spec: SandboxSpec, image: Image, *, template: Template | None = None, saving: Path | None = None
    ) -> FirecrackerSandbox:
        assert self._firecracker is not None, "a driver is probed before it is used"
        folder = self._premises.sandboxes.resolve() / spec.id
        machine = self._machine_of(spec)
        return FirecrackerSandbox(spec, folder, self._firecracker, machine, image, template=template, saving=saving)


def _processor() -> str:
    with open("/proc/cpuinfo") as file:
        return next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
