"""How a machine is lost: at once, with a reason in words, and with nothing of it left on the host."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from services.vm_agent.image.store import Image
from services.vm_agent.sandbox.machine import disk, liveness
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Exec, SandboxLost
from services.vm_agent.sandbox.qemu.driver import QemuDriver
from services.vm_agent.sandbox.qemu.sandbox import QemuSandbox
from tests.contract.sandbox.conftest import DISK_BYTES, MachineDriver, new_spec, shell
from tests.images import NAME, images_folder

LOST_SECONDS = 10.0


async def ignore(data: bytes) -> None:
    return


async def sleeping(machine: QemuSandbox) -> Exec:
    return await machine.exec(["sleep", "1000"], env={}, cwd="/", output=ignore)


async def lost(running: Exec) -> str:
    async with asyncio.timeout(LOST_SECONDS):
        with pytest.raises(SandboxLost) as caught:
            await running.wait()
    return str(caught.value)


async def as_root(machine: QemuSandbox, script: str) -> None:
    """It may be the last command that ever runs there."""
    command = await machine.exec(["sh", "-c", script], env={}, cwd="/", output=ignore, user="root")
    async with asyncio.timeout(LOST_SECONDS):
        await asyncio.wait({asyncio.ensure_future(command.wait())})


async def is_gone(machine: QemuSandbox, sandboxes: Path) -> None:
    """The VMM ends by itself; the rest with `destroy`."""
    footprint = machine.footprint
    for _ in range(200):
        if not os.path.exists(f"/proc/{footprint.init}"):
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the machine's process lives on")
    await machine.destroy()
    assert list(sandboxes.iterdir()) == []
    assert [folder for folder in footprint.cgroups if os.path.exists(folder)] == []
    assert not os.path.exists(f"/run/netns/{footprint.namespace or 'none'}")


async def test_a_vmm_that_is_killed(machine: QemuSandbox, tmp_path: Path) -> None:
    running = await sleeping(machine)
    os.kill(machine.footprint.init, signal.SIGKILL)
    assert "killed by SIGKILL" in await lost(running)
    await is_gone(machine, tmp_path / "sandboxes")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param("echo c > /proc/sysrq-trigger", "panicked", id="panic"),
        pytest.param("echo b > /proc/sysrq-trigger", "rebooted", id="reboot"),
        pytest.param("echo o > /proc/sysrq-trigger", "powered off", id="power-off"),
    ],
)
async def test_a_guest_that_ends_its_machine(machine: QemuSandbox, tmp_path: Path, script: str, why: str) -> None:
    running = await sleeping(machine)
    await as_root(machine, script)
    assert why in await lost(running)
    await is_gone(machine, tmp_path / "sandboxes")


STOP_INIT = """
import ctypes, time
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(0x4206, 1, None, None) == 0
assert libc.ptrace(0x4207, 1, None, None) == 0
time.sleep(1000)
"""
"""PTRACE_SEIZE and PTRACE_INTERRUPT: it does not run on while this process lives."""
KILL_INIT = """python3 - <<'END'
import re
with open("/proc/1/maps") as maps, open("/proc/1/mem", "r+b", buffering=0) as memory:
    for line in maps:
        place = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r.xp) .*(python|libc)", line)
        if place:
            first, end = (int(place[number], 16) for number in (1, 2))
            memory.seek(first)
            memory.write(b"\\xcc" * (end - first))
END
"""
"""Every instruction of its program becomes a trap."""


async def test_a_guest_agent_that_is_killed(machine: QemuSandbox, tmp_path: Path) -> None:
    """It is its guest's init, which no signal ends from within: its program is written over."""
    running = await sleeping(machine)
    await as_root(machine, KILL_INIT)
    assert "guest" in await lost(running)
    await is_gone(machine, tmp_path / "sandboxes")


async def test_a_guest_that_hangs(driver: MachineDriver, tmp_path: Path) -> None:
    """Its init is stopped as by a debugger: it answers nothing, and its VMM runs on."""
    machine = driver.create(new_spec())
    await machine.start()
    channel = machine._usable()  # pyright: ignore[reportPrivateUsage]
    running = await sleeping(machine)
    command = await machine.exec(["python3", "-c", STOP_INIT], env={}, cwd="/", output=ignore, user="root")
    ended = asyncio.ensure_future(command.wait())
    await liveness.watch(channel, lambda: False, look_seconds=0.7)
    assert "did not answer" in await lost(running)
    with pytest.raises(SandboxLost):
        await ended
    await is_gone(machine, tmp_path / "sandboxes")


async def test_a_guest_that_stands_still_on_purpose_is_not_taken_for_hung(machine: QemuSandbox) -> None:
    channel = machine._usable()  # pyright: ignore[reportPrivateUsage]
    await machine.pause()
    watching = asyncio.ensure_future(liveness.watch(channel, machine._stands_still, look_seconds=0.05))  # pyright: ignore[reportPrivateUsage]
    await asyncio.sleep(1)
    assert not watching.done()
    await machine.resume()
    assert await shell(machine, "echo fine") == (0, "fine\n")
    watching.cancel()


async def test_a_guest_that_says_nothing(driver: MachineDriver, tmp_path: Path) -> None:
    """As one whose agent never starts: it boots, and its time is over first."""
    machine = booting(driver, driver._image())  # pyright: ignore[reportPrivateUsage]
    machine.hello_seconds = 0.3
    with pytest.raises(SandboxLost, match=r"said nothing for 0\.3 s"):
        await machine.start()
    assert list((tmp_path / "sandboxes").iterdir()) == []


async def test_a_guest_without_an_init_panics(driver: MachineDriver, tmp_path: Path) -> None:
    image = driver._image()  # pyright: ignore[reportPrivateUsage]
    folder = tmp_path / "image"
    folder.mkdir()
    for path in (image.kernel, image.root):
        (folder / Path(path).name).symlink_to(os.path.realpath(path))
    (folder / Path(image.initrd).name).write_bytes(b"")
    machine = booting(driver, msgspec.structs.replace(image, folder=str(folder)))
    with pytest.raises(SandboxLost, match="panicked"):
        await machine.start()
    assert list((tmp_path / "sandboxes").iterdir()) == []


def booting(driver: MachineDriver, image: Image) -> QemuSandbox:
    return driver._sandbox(new_spec(disk_bytes=DISK_BYTES), image)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def small_disk(driver: MachineDriver, tmp_path: Path) -> Iterator[Callable[[int], None]]:
    """Makes the disk of the machines' folders one of so many bytes, once the driver has been tried."""
    place = tmp_path / "sandboxes"
    mounted: list[Path] = []

    def make(size: int) -> None:
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)]
        done = subprocess.run(command, check=False, capture_output=True)
        if done.returncode != 0:
            pytest.skip("no right to mount a file system: run as root")
        mounted.append(place)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_host_whose_disk_is_full_starts_none(
    driver: MachineDriver, small_disk: Callable[[int], None], tmp_path: Path
) -> None:
    small_disk(disk.LEAST_FREE_BYTES // 2)
    with pytest.raises(SandboxLost, match=r"is full: 12\d MiB are free.*FIREBREAK_HOME"):
        await driver.create(new_spec()).start()
    assert list((tmp_path / "sandboxes").iterdir()) == []


async def test_a_hosts_disk_that_becomes_full_is_not_the_jobs_failure(
    driver: MachineDriver, small_disk: Callable[[int], None], tmp_path: Path
) -> None:
    small_disk(disk.LEAST_FREE_BYTES + 16 * 1024**2)
    machine = driver.create(new_spec())
    await machine.start()
    fill = ["dd", "if=/dev/zero", "of=/home/runner/work/large", "bs=1M", "count=600", "conv=fsync"]
    running = await machine.exec(fill, env={}, cwd="/", output=ignore)
    async with asyncio.timeout(60):
        with pytest.raises(SandboxLost, match="disk of the host is full"):
            await running.wait()
    await is_gone(machine, tmp_path / "sandboxes")


async def test_a_qemu_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    driver = QemuDriver(Premises(tmp_path, images_folder(), image=NAME, qemu="qemu-of-nowhere"))
    probe = await driver.probe()
    assert not probe.works
    assert "apt-get install qemu-system-x86" in probe.why


async def test_an_image_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    probe = await QemuDriver(Premises(tmp_path, tmp_path / "none")).probe()
    assert not probe.works
    assert "firebreak image build" in probe.why
