"""Which driver runs this agent's jobs: the one that is named, or the strongest that works. Never `host` by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver, SandboxError

AUTO = "auto"
HOST = HostDriver.name


class NoDriver(SandboxError):
    """No driver works here, or none has that name; the message says what is missing."""


def _bubblewrap(folder: Path) -> Driver:
    # Imported when it is wanted: `firebreak run` starts with `host`, and starts fast.
    from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver

    return BubblewrapDriver(folder)


DRIVERS: Mapping[str, Callable[[Path], Driver]] = {"bubblewrap": _bubblewrap, HOST: HostDriver}
"""The strongest first."""


async def choose(name: str, folder: Path) -> Driver:
    """The driver to use, which has really started something. Raises NoDriver.

    `folder` is where its sandboxes live, of this agent alone.
    """
    if name == AUTO:
        return await _strongest([make(folder) for driver, make in DRIVERS.items() if driver != HOST])
    if name not in DRIVERS:
        raise NoDriver(f"there is no driver {name!r}; there are {', '.join([AUTO, *DRIVERS])}")
    return await _strongest([DRIVERS[name](folder)])


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
