"""A guest whose init never comes to the point, what a secret of a job leaves on the host while it is used, and an agent
that is killed in the moment after it has started a VMM."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from services.vm_agent.image import cpio
from services.vm_agent.image.cpio import Entry
from services.vm_agent.image.store import BOOT, INITRD
from services.vm_agent.sandbox import processes
from services.vm_agent.sandbox.footprint import FILE_NAME
from services.vm_agent.sandbox.machine.sandbox import WORK_DISK
from services.vm_agent.sandbox.protocol import SandboxLost
from services.vm_agent.sandbox.qemu.sandbox import QemuSandbox
from services.vm_agent.sandbox.sweep import sweep
from tests.contract.sandbox.conftest import DISK_BYTES, MachineDriver, new_spec
from tests.contract.sandbox.qemu.test_losses import ignore

SLEEPING_INIT = b"#!/bin/busybox sh\nexec /bin/busybox sleep 1000\n"
HELLO_SECONDS = 8.0
SECRET = "only-for-this-step-52ab77"


async def test_an_image_whose_init_sleeps_says_no_hello(driver: MachineDriver, tmp_path: Path) -> None:
    image = driver._image()  # pyright: ignore[reportPrivateUsage]
    folder = tmp_path / "image"
    folder.mkdir()
    for path in Path(image.folder).iterdir():
        if path.name != INITRD:
            (folder / path.name).symlink_to(path.resolve())
    boot = Path(image.folder, BOOT).read_bytes()
    (folder / INITRD).write_bytes(boot + cpio.archive([Entry("init", SLEEPING_INIT, 0o755)]))
    silent = msgspec.structs.replace(image, folder=str(folder))
    machine = driver._sandbox(new_spec(disk_bytes=DISK_BYTES), silent)  # pyright: ignore[reportPrivateUsage]
    machine.hello_seconds = HELLO_SECONDS
    with pytest.raises(SandboxLost, match=r"said nothing for 8 s"):
        await machine.start()
    assert list((tmp_path / "sandboxes").iterdir()) == []


async def test_a_secret_of_a_command_is_nowhere_on_the_host(machine: QemuSandbox) -> None:
    running = await machine.exec(["sleep", "30"], env={"SECRET": SECRET}, cwd="/", output=ignore)
    vmm = Path(f"/proc/{machine.footprint.init}")
    places = [vmm / "cmdline", vmm / "environ"]
    places += [path for path in Path(machine.footprint.folder).rglob("*") if path.is_file() and path.name != WORK_DISK]
    assert len(places) > 2
    for place in places:
        assert SECRET.encode() not in place.read_bytes(), place
    assert SECRET not in machine.last_words()
    assert SECRET not in os.environ.values()
    await running.signal(9)  # type: ignore[arg-type]
    await running.wait()


async def test_a_vmm_that_nobody_wrote_down_yet_is_found_by_a_sweep(machine: QemuSandbox, tmp_path: Path) -> None:
    """As it is when the agent dies between the start of the VMM and the two that follow: its cgroup, its footprint."""
    footprint = machine.footprint
    for group in footprint.cgroups:
        Path(group, "../cgroup.procs").write_text(str(footprint.init))
    gone = footprint._replace(init=0, init_started=0, owner=2**22 - 1, owner_started=1)
    Path(footprint.folder, FILE_NAME).write_text(gone.to_json())

    swept = sweep(tmp_path / "sandboxes")

    assert [(one.id, one.removed) for one in swept] == [(machine.id, True)]
    assert not processes.alive(footprint.init, footprint.init_started)
    assert not any(map(os.path.exists, footprint.cgroups))
    assert not os.path.exists(f"/run/netns/{footprint.namespace or 'none'}")
