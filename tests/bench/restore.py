"""How fast a machine answers: restored by the driver, beside a cold boot, and beside QEMU alone that does the same.

From nothing to the guest's first answer, in turns, so that a busy moment hits all three alike. QEMU alone is a plain
program without event loop, cgroup and footprint: it makes the disk, starts QEMU with the same arguments, loads the same
template and waits for the same answer.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from libs.contracts.size import Size
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Ready, SandboxId, SandboxSpec, Shape
from services.vm_agent.sandbox.qemu.command_line import Jail
from services.vm_agent.sandbox.qemu.driver import QemuDriver
from services.vm_agent.sandbox.users import own_uid
from tests.bench import bare_machine
from tests.bench.figures import Figure, median
from tests.images import NAME, images_folder

TIMES = 20
ENOUGH_SECONDS = 95.0
"""On a busy machine fewer turns are made; the figure's name tells how many."""
FASTER = 5
ADDED_MILLISECONDS, ADDED_SHARE = 20.0, 1.10
DISK_BYTES = 2 * 1024**3
SHAPE = Shape(Size(1, 512), "own", network=False, disk_bytes=DISK_BYTES)


async def measure(folder: Path) -> list[Figure]:
    driver = QemuDriver(Premises(folder, images_folder(), image=NAME))
    probe = await driver.probe()
    if not probe.works:
        raise RuntimeError(f"{probe.why} (make vm)")
    await driver.prepare(SHAPE)
    boots: list[float] = []
    restores: list[float] = []
    bare: list[float] = []
    began = time.monotonic()
    while len(boots) < TIMES and time.monotonic() - began < ENOUGH_SECONDS:
        number = len(boots)
        boots.append(await _answered(driver, number, restored=False))
        restores.append(await _answered(driver, number, restored=True))
        bare.append(await asyncio.to_thread(_bare, driver, folder / f"bare-{number}"))
    return _figures(boots, restores, bare)


def _figures(boots: list[float], restores: list[float], bare: list[float]) -> list[Figure]:
    times, limit = len(boots), median(bare)
    return [
        Figure(
            what=f"a machine restored, from nothing to its first answer ({times} times)",
            measured=median(restores),
            unit="ms",
            better="less",
            limit=limit,
            limit_is="QEMU alone, same template",
            aim=max(limit + ADDED_MILLISECONDS, limit * ADDED_SHARE),
        ),
        Figure(
            what="the same beside a cold boot",
            measured=median(restores),
            unit="ms",
            better="less",
            limit=median(boots),
            limit_is="cold boot",
            times_limit=1 / FASTER,
        ),
    ]


def _spec(kind: str, number: int) -> SandboxSpec:
    memory, cpus = SHAPE.size.memory_mib * 1024**2, SHAPE.size.cpus
    name = SandboxId(f"{kind}-{number}")
    return SandboxSpec(name, network=False, memory_bytes=memory, cpus=cpus, disk_bytes=DISK_BYTES, trust=SHAPE.trust)


async def _answered(driver: QemuDriver, number: int, *, restored: bool) -> float:
    """Milliseconds until the guest's first answer: what follows, its identity, is the guest's own work."""
    spec = _spec("restored" if restored else "booted", number)
    image = driver._image()  # pyright: ignore[reportPrivateUsage]
    machine = driver.create(spec) if restored else driver._sandbox(spec, image)  # pyright: ignore[reportPrivateUsage]
    try:
        ready: Ready = await machine.start()
    finally:
        await machine.destroy()
    if ready.how != ("restored" if restored else "booted"):
        raise RuntimeError(f"the machine was {ready.how}")
    phases = list(ready.phases_ms)
    return sum(ready.phases_ms[phase] for phase in phases[: phases.index("answered") + 1])


def _bare(driver: QemuDriver, folder: Path) -> float:
    qemu, image, spec = driver._qemu, driver._image(), _spec("bare", 0)  # pyright: ignore[reportPrivateUsage]
    template = driver._template(spec, image)  # pyright: ignore[reportPrivateUsage]
    if qemu is None or template is None:
        raise RuntimeError("there is no template")
    folder.mkdir()
    machine = driver._machine_of(spec)  # pyright: ignore[reportPrivateUsage]
    jail = Jail(own_uid(), str(folder), qemu.version)
    return bare_machine.restore(qemu.program, machine, jail, image.root, template, str(folder / "work"))
