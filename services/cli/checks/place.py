"""A folder for what the doctor starts, gone afterwards; and the end of what a doctor that was killed has left.

It lies in the home, as agents' folders do: where images cannot be linked into machines' folders, that is to be seen.
No watchdog guards a doctor, so the next one removes what is left, machines that still run included.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable
from pathlib import Path

from services.vm_agent.sandbox.protocol import Driver
from services.vm_agent.sandbox.sweep import Swept

PREFIX = "doctor-"
"""Then the doctor's pid and a hyphen."""


@contextlib.contextmanager
def place_for(home: Path) -> Generator[Path]:
    """Blocking, and short."""
    within = home if os.access(home, os.W_OK) else None
    prefix = f"{PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=within, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


async def remove_leftovers(home: Path, drivers_in: Callable[[Path], Iterable[Driver]]) -> list[str]:
    """The names of the folders that went. Each driver sweeps its own, for a machine may stand on another server; what
    resists keeps its folder for the next time."""
    gone: list[str] = []
    for place in await asyncio.to_thread(_abandoned, home):
        swept: list[Swept] = []
        for driver in drivers_in(place):
            swept += await driver.sweep(())
        if all(one.removed for one in swept):
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)
            gone.append(place.name)
    return gone


def _abandoned(home: Path) -> list[Path]:
    found: list[Path] = []
    for place in home.glob(f"{PREFIX}*"):
        pid = place.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not os.path.exists(f"/proc/{pid}"):
            found.append(place)
    return found
