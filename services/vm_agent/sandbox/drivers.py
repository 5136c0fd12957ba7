"""Which driver runs this agent's jobs: the one that is named, or the strongest that works. Never `host` by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.premises import Premises
from services.vm_agent.sandbox.protocol import Driver, SandboxError

AUTO = "auto"
HOST = HostDriver.name


class NoDriver(SandboxError):
    """No driver works here, or none has that name; the message says what is missing."""


def _host(premises: Premises) -> Driver:
    return HostDriver(premises.sandboxes)


def _bubblewrap(premises: Premises) -> Driver:
    # Imported when it is wanted: `firebreak run` starts with `host`, and starts fast.
    from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver

    return BubblewrapDriver(premises.sandboxes)


def _firecracker(premises: Premises) -> Driver:
    from services.vm_agent.sandbox.firecracker.driver import FirecrackerDriver

    return FirecrackerDriver(premises)


def _qemu(premises: Premises) -> Driver:
    from services.vm_agent.sandbox.qemu.driver import QemuDriver

    return QemuDriver(premises)


def _fcctl(premises: Premises) -> Driver:
    from services.vm_agent.sandbox.fcctl.driver import FcctlDriver

    return FcctlDriver(premises)


DRIVERS: Mapping[str, Callable[[Premises], Driver]] = {
    "firecracker": _firecracker,
    "qemu": _qemu,
    "fcctl": _fcctl,
    "bubblewrap": _bubblewrap,
    HOST: _host,
}
"""The strongest first."""


async def choose(name: str, premises: Premises) -> Driver:
    """The driver to use, which has really started something. Raises NoDriver."""
    if name == AUTO:
        return await _strongest([make(premises) for driver, make in DRIVERS.items() if driver != HOST])
    if name not in DRIVERS:
        raise NoDriver(f"there is no driver {name!r}; there are {', '.join([AUTO, *DRIVERS])}")
    return await _strongest([DRIVERS[name](premises)])


async def _strongest(drivers: list[Driver]) -> Driver:
    troubles: list[str] = []
    for driver in drivers:
        probe = await driver.probe()
        if probe.works:
            return driver
        troubles.append(f"{driver.name}: {probe.why}")
    raise NoDriver(
        f"no isolation works on this machine. {'; '.join(troubles)}. "
        f"For code that you trust, name the driver {HOST!r}: it isolates nothing"
    )
