"""Stops, continues, kills and removes a sandbox, known by its footprint, with the strongest means of the kernel.

The drivers, the watchdog and the sweep all use this, so that there is one way. Blocking calls with bounds; the agent
calls them in a thread. Only the standard library (see `footprint`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from services.vm_agent.sandbox import cgroups, processes
from services.vm_agent.sandbox.footprint import Footprint

SETTLE_SECONDS = 5.0
"""How long the kernel gets to stop or to end processes; one that hangs in an uninterruptible wait may need longer."""
POLL_SECONDS = 0.002
QUIET_SCANS = 2
"""So many scans in a row must find nothing new: a process that forks between two looks is caught by the next."""


class StillRunning(Exception):
    """Processes did not stop, or did not end, in time."""


def pause(footprint: Footprint) -> None:
    """Returns when all stand still. Raises StillRunning."""
    if cgroups.freeze(footprint.cgroups):
        _until(lambda: cgroups.is_frozen(footprint.cgroups), "did not freeze", footprint)
        return
    _repeat_until_quiet(signal.SIGSTOP, processes.STOPPED_STATES, "did not stop", footprint)


def resume(footprint: Footprint) -> None:
    if cgroups.thaw(footprint.cgroups):
        return
    for process in processes.members(footprint):
        _send(process, signal.SIGCONT)


def kill(footprint: Footprint) -> None:
    """Returns when no process is left. Works on what is paused. Raises StillRunning."""
    if footprint.init and processes.alive(footprint.init, footprint.init_started):
        _send(processes.Process(footprint.init, 0, "", footprint.init_started), signal.SIGKILL)
    if not cgroups.kill(footprint.cgroups):
        cgroups.thaw(footprint.cgroups)
    _repeat_until_quiet(signal.SIGKILL, processes.GONE_STATES, "did not end", footprint)


def destroy(footprint: Footprint) -> None:
    """Kills all of it and removes its cgroups and files. Raises StillRunning, or OSError where a file resists."""
    # A group can be removed only when nothing lives in it, so the usual end of a job needs no look at its processes.
    if footprint.init or not footprint.cgroups or not all(map(cgroups.remove, footprint.cgroups)):
        kill(footprint)
    for folder in footprint.cgroups:
        _until(lambda folder=folder: cgroups.remove(folder), f"keep the cgroup {folder} busy", footprint)
    if footprint.folder:
        remove_folder(footprint.folder)


def remove_folder(folder: str) -> None:
    """Also what a job made unreadable or unwritable."""
    import shutil

    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(folder)
        except PermissionError:
            _open_up(folder)
            shutil.rmtree(folder)


def _open_up(folder: str) -> None:
    os.chmod(folder, 0o700)
    for place, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)


def _repeat_until_quiet(number: signal.Signals, done_states: str, complaint: str, footprint: Footprint) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    quiet = 0
    while quiet < (1 if footprint.cgroups else QUIET_SCANS):
        busy = [process for process in processes.members(footprint) if process.state not in done_states]
        for process in busy:
            _send(process, number)
        quiet = 0 if busy else quiet + 1
        if busy:
            _check(deadline, complaint, footprint)
            time.sleep(POLL_SECONDS)


def _until(condition: Callable[[], bool], complaint: str, footprint: Footprint) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while not condition():
        _check(deadline, complaint, footprint)
        time.sleep(POLL_SECONDS)


def _check(deadline: float, complaint: str, footprint: Footprint) -> None:
    if time.monotonic() > deadline:
        raise StillRunning(f"processes of sandbox {footprint.id} {complaint} within {SETTLE_SECONDS:g} s")


def _send(process: processes.Process, number: signal.Signals) -> None:
    """By pidfd, so that a pid that changed hands between look and signal is not hit."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if processes.started(process.pid) == process.started:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
