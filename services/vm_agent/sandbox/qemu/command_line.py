"""QEMU's arguments for a machine, as a function of values: pure, so that they can be read and compared.

The machine is QEMU's `microvm`: no PCI, no firmware of a PC, devices on virtio-mmio. A template and what is restored
from it have the same devices in the same order; QEMU itself checks almost nothing of that, so `identity` names it all.
"""

from __future__ import annotations

import msgspec

from libs.contracts.size import Size

MACHINE = "microvm,acpi=on,rtc=on,pit=off,pic=off,isa-serial=off,usb=off,pcie=off,graphics=off,memory-backend=mem0"
"""acpi: a distribution's kernel finds virtio-mmio devices only through it. No timer, interrupt controller and serial
port of a PC: the clock's rate comes on the kernel's command line instead."""
TRANSLATION_MIB = 128
"""Of translated code a machine: it is private memory, and the default is a good part of the host's."""
MAC = "06:00:ac:10:00:02"
"""The same in every machine: each has a network of its own."""
SERIAL_ROOT, SERIAL_WORK = "root", "work"
SANDBOX = "on,obsolete=deny,spawn=deny,resourcecontrol=deny"
"""QEMU's seccomp filter. `elevateprivileges=deny` forbids the change of user that `-runas` makes, and is left to it."""


class Accelerator(msgspec.Struct, frozen=True):
    """`kvm` with the host's own processor, or `tcg`: emulation, which works everywhere."""

    name: str
    cpu: str


KVM = Accelerator("kvm", "host")
TCG = Accelerator("tcg", "qemu64")


class Machine(msgspec.Struct, frozen=True):
    """What a guest can see of its machine; the same for a template and its clones."""

    accelerator: Accelerator
    size: Size
    disk_bytes: int
    network: bool
    tsc_khz: int
    """Of the host: under emulation the guest counts the host's ticks and cannot measure them itself."""

    def identity(self) -> list[str]:
        """All that must be equal for a saved state to fit. The rate in MHz: two measurements differ by less."""
        return [*_machine(self), *_devices(self), f"tsc {round(self.tsc_khz / 1000)} MHz"]


class Files(msgspec.Struct, frozen=True):
    """Descriptors that QEMU inherits: it opens its disks again when it is saved, and has by then no rights and another
    root folder. `work` is open for writing and for reading. `memory` is a path that it opens while it has its rights,
    "" for anonymous memory; `shared` writes through to the file, as a template's must."""

    channel: int
    monitor: int
    root: int
    work: tuple[int, int]
    memory: str = ""
    shared: bool = False
    tap: str = ""


class Kernel(msgspec.Struct, frozen=True):
    """For a cold boot; a machine that is restored has none."""

    kernel: str
    initrd: str


class Jail(msgspec.Struct, frozen=True):
    """`uid` None: this process is an ordinary user's, and QEMU stays one. `root` is an empty folder."""

    uid: int | None
    root: str
    version: tuple[int, int]


def arguments(machine: Machine, files: Files, jail: Jail, kernel: Kernel | None) -> list[str]:
    """Everything behind the program's name. Without a kernel the machine waits for a saved state."""
    return [
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
        *_machine(machine),
        *_memory(machine, files),
        *(["-incoming", "defer"] if kernel is None else _kernel(machine, kernel)),
        *("-chardev", f"socket,id=c0,fd={files.channel}"),
        *("-add-fd", f"set=1,fd={files.root}"),
        *("-drive", "if=none,id=r0,file=/dev/fdset/1,format=raw,read-only=on,file.locking=off"),
        *(word for descriptor in files.work for word in ("-add-fd", f"set=2,fd={descriptor}")),
        *(
            "-drive",
            "if=none,id=w0,file=/dev/fdset/2,format=raw,cache=unsafe,discard=unmap,file.locking=off,werror=stop",
        ),
        *("-object", "rng-random,id=rng0,filename=/dev/urandom"),
        *(["-netdev", f"tap,id=n0,ifname={files.tap},script=no,downscript=no"] if machine.network else []),
        *_devices(machine),
        *("-chardev", f"socket,id=q0,fd={files.monitor}", "-mon", "chardev=q0,mode=control"),
        *_jail(jail),
    ]


def kernel_arguments(machine: Machine) -> str:
    """`reboot=t`: without it a guest that panics after a restore hangs for ever instead of ending its machine."""
    rate = f"tsc_early_khz={machine.tsc_khz} tsc=reliable " if machine.accelerator == TCG else ""
    return f"{rate}quiet panic=-1 reboot=t"


def _machine(machine: Machine) -> list[str]:
    accelerator, cpus = machine.accelerator, machine.size.cpus
    threads = f",thread={'multi' if cpus > 1 else 'single'},tb-size={TRANSLATION_MIB}"
    return [
        *("-M", MACHINE),
        *("-accel", accelerator.name + (threads if accelerator == TCG else "")),
        *("-cpu", accelerator.cpu, "-smp", str(cpus), "-m", f"{machine.size.memory_mib}M"),
        *("-bios", "qboot.rom"),
    ]


def _memory(machine: Machine, files: Files) -> list[str]:
    size = f"id=mem0,size={machine.size.memory_mib}M"
    if not files.memory:
        return ["-object", f"memory-backend-ram,{size}"]
    share = "on" if files.shared else "off"
    return ["-object", f"memory-backend-file,{size},mem-path={_escaped(files.memory)},share={share}"]


def _kernel(machine: Machine, kernel: Kernel) -> list[str]:
    return ["-kernel", kernel.kernel, "-initrd", kernel.initrd, "-append", kernel_arguments(machine)]


def _devices(machine: Machine) -> list[str]:
    return [
        *("-device", "virtio-serial-device,max_ports=2", "-device", "virtserialport,chardev=c0,name=agent.0"),
        *("-device", f"virtio-blk-device,drive=r0,serial={SERIAL_ROOT}"),
        *("-device", f"virtio-blk-device,drive=w0,serial={SERIAL_WORK}"),
        *("-device", "virtio-rng-device,rng=rng0"),
        *(["-device", f"virtio-net-device,netdev=n0,mac={MAC}"] if machine.network else []),
    ]


def _jail(jail: Jail) -> list[str]:
    """`-runas` and `-chroot` have another form since 9.1."""
    if jail.uid is None:
        return ["-sandbox", f"{SANDBOX},elevateprivileges=deny"]
    user = f"{jail.uid}:{jail.uid}"
    if jail.version >= (9, 1):
        return ["-sandbox", SANDBOX, "-run-with", f"chroot={_escaped(jail.root)},user={user}"]
    return ["-sandbox", SANDBOX, "-chroot", jail.root, "-runas", user]


def _escaped(path: str) -> str:
    """A comma would begin the next option."""
    return path.replace(",", ",,")
