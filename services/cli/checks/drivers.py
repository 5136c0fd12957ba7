"""Every driver, asked to start something: which works, which `auto` would take, and what that shows of KVM.

The drivers' own probes decide, the same that `--driver auto` asks. They are asked in a folder that is gone afterwards,
so that nothing which an agent remembers is believed. Drivers are imported when they are looked at: each brings much.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from libs.settings import Settings
from services.cli.checks.finding import Finding
from services.cli.checks.place import place_for, remove_leftovers
from services.vm_agent.sandbox.protocol import Driver, Probe, SandboxError

PROBE_SECONDS = 150.0
"""For one driver: a slow host boots an emulated guest in 10 s, loaded in 30; after that nobody waits for it."""
KVM = "/dev/kvm"
ADVICE = (
    "a machine of one's own has KVM once its firmware's virtualization is on and kvm_intel or kvm_amd is loaded, a "
    "rented one where nested virtualization is offered"
)
Device = Literal["none", "closed", "open"]


@dataclass(frozen=True, slots=True)
class Tried:
    """A driver after its probe. `assisted` is None where no guest of it has shown whether the processor helps."""

    name: str
    probe: Probe
    isolation: str
    takes_forks: bool
    assisted: bool | None


async def findings(settings: Settings, tell: Callable[[str], object]) -> list[Finding]:
    """Each is asked to start something; then what that says of KVM, and of what jobs would run under."""
    from services.vm_agent.sandbox.drivers import DRIVERS
    from services.vm_agent.sandbox.premises import premises_of

    await remove_leftovers(
        settings.home, lambda place: [make(premises_of(settings, place)) for make in DRIVERS.values()]
    )
    tried: dict[str, Tried] = {}
    for name in DRIVERS:
        tell(f"driver {name}")
        tried[name] = await _try(settings, name)
    return [
        *(_told(each) for each in tried.values()),
        kvm(list(tried.values()), device=_device()),
        taken(settings.driver, tried),
    ]


async def _try(settings: Settings, name: str) -> Tried:
    from services.vm_agent.sandbox.drivers import DRIVERS
    from services.vm_agent.sandbox.premises import premises_of

    with place_for(settings.home) as folder:
        driver = DRIVERS[name](premises_of(settings, folder))
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                probe = await driver.probe()
        except TimeoutError:
            probe = Probe(works=False, why=f"nothing was heard of what it started within {PROBE_SECONDS:g} s")
        except (SandboxError, OSError) as error:
            probe = Probe(works=False, why=str(error))
        except Exception as error:
            # One driver's fault is not to hide what is found of the others.
            probe = Probe(works=False, why=f"its probe broke, which is a fault of Firebreak's: {error!r}")
    return Tried(name, probe, driver.isolation, driver.takes_forks, _assisted(driver, probe))


def _assisted(driver: Driver, probe: Probe) -> bool | None:
    from services.vm_agent.sandbox.firecracker.driver import FirecrackerDriver
    from services.vm_agent.sandbox.qemu.driver import QemuDriver

    if isinstance(driver, FirecrackerDriver) and probe.works:
        return True
    if isinstance(driver, QemuDriver) and probe.works:
        return driver.assisted
    return None


def _told(tried: Tried) -> Finding:
    what = f"driver {tried.name}"
    if not tried.probe.works:
        return Finding(what, "optional", tried.probe.why)
    forks = "" if tried.takes_forks else "; refuses code from forks"
    return Finding(what, "works", f"{tried.probe.why}. Isolation: {tried.isolation}{forks}")


def _device() -> Device:
    if not os.path.exists(KVM):
        return "none"
    return "open" if os.access(KVM, os.R_OK | os.W_OK) else "closed"


def kvm(tried: list[Tried], *, device: Device) -> Finding:
    """Only a guest that booted shows that it is any good: the device may open, and run nothing at speed."""
    if any(each.assisted for each in tried):
        return Finding("KVM", "works", "a guest booted with it")
    if device == "none":
        return Finding("KVM", "optional", f"there is no {KVM}: machines are emulated, some ten times slower; {ADVICE}")
    if device == "closed":
        why = f"{KVM} is there and this user may not open it: add it to the device's group (`usermod -aG kvm USER`)"
        return Finding("KVM", "optional", why)
    if any(each.assisted is False for each in tried):
        why = (
            f"{KVM} opens, and no guest boots with it: it is itself emulated, as in a machine without nested "
            f"virtualization. Machines are emulated by QEMU, some ten times slower; {ADVICE}"
        )
        return Finding("KVM", "optional", why)
    why = f"{KVM} opens, which proves nothing; a guest that boots would, and the drivers above say what that takes"
    return Finding("KVM", "optional", why)


def taken(driver: str, tried: Mapping[str, Tried]) -> Finding:
    """What jobs would run under here. Missing where `firebreak up` would find nothing."""
    from services.vm_agent.sandbox.drivers import AUTO, HOST

    if driver != AUTO:
        what = f"FIREBREAK_DRIVER={driver}"
        chosen = tried[driver]
        if not chosen.probe.works:
            return Finding(what, "missing", f"does not work here: {chosen.probe.why}")
        return Finding(what, "works", f"jobs run under {driver}: {chosen.isolation}")
    best = next((each for each in tried.values() if each.probe.works and each.name != HOST), None)
    if best is None:
        why = f"no isolation works here, see above. For code that you trust: `--driver {HOST}`, which isolates nothing"
        return Finding("driver auto", "missing", why)
    return Finding("driver auto", "works", f"takes {best.name}: {best.isolation}")
