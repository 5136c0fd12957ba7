"""Which driver runs this agent's jobs: the one that is named, or the strongest that works. Never `host` by itself."""

from __future__ import annotations

from pathlib import Path

from services.vm_agent.sandbox.bubblewrap.driver import BubblewrapDriver
from services.vm_agent.sandbox.host import HostDriver
from services.vm_agent.sandbox.protocol import Driver, SandboxError

AUTO = "auto"


class NoDriver(SandboxError):
    """No driver works here, or none has that name; the message says what is missing."""


def all_drivers(folder: Path) -> list[Driver]:
    """The strongest first. `folder` is where their sandboxes live, of this agent alone."""
    return [BubblewrapDriver(folder), HostDriver(folder)]


async def choose(name: str, folder: Path) -> Driver:
    """The driver to use, which has really started something. Raises NoDriver."""
    drivers = all_drivers(folder)
    if name == AUTO:
        return await _strongest([driver for driver in drivers if driver.name != HostDriver.name])
    for driver in drivers:
        if driver.name == name:
            return await _strongest([driver])
    names = ", ".join([AUTO, *(driver.name for driver in drivers)])
    raise NoDriver(f"there is no driver {name!r}; there are {names}")


async def _strongest(drivers: list[Driver]) -> Driver:
    troubles: list[str] = []
    for driver in drivers:
        probe = await driver.probe()
        if probe.works:
            return driver
        troubles.append(f"{driver.name}: {probe.why}")
    raise NoDriver(
        f"no isolation works on this machine. {'; '.join(troubles)}. "
        f"For code that you trust, name the driver {HostDriver.name!r}: it isolates nothing"
    )
