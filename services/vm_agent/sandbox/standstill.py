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

from services.vm_agent.sandbox import cgroups, namespaces, processes
from services.vm_agent.sandbox.footprint import Footprint

SETTLE_SECONDS = 5.0
"""How long the kernel gets to stop or to end processes; one that hangs in an uninterruptible wait may need longer."""
POLL_SECONDS = 0.002
REMOVE_SECONDS = 300.0
"""For millions of files, on a busy disk."""
QUIET_SCANS = 2
"""So many scans in a row must find nothing new: a process that forks between two looks is caught by the next."""


class StillRunning(Exception):
    """Processes did not stop, or did not end, in time."""


def pause(footprint: Footprint, settle_seconds: float = SETTLE_SECONDS) -> None:
    """Returns when all stand still. Raises StillRunning."""
    patience = _Patience(footprint, "did not stop", settle_seconds)
    _gather(footprint)
    if cgroups.freeze(footprint.cgroups):
        patience.until(lambda: cgroups.is_frozen(footprint.cgroups))
        return
    _repeat_until_quiet(signal.SIGSTOP, processes.STOPPED_STATES, patience)


def resume(footprint: Footprint) -> None:
    if cgroups.thaw(footprint.cgroups):
        return
    for process in processes.members(footprint):
        _send(process, signal.SIGCONT)


def kill(footprint: Footprint) -> None:
    """Returns when no process is left. Works on what is paused. Raises StillRunning."""
    if footprint.init and processes.alive(footprint.init, footprint.init_started):
        _send(processes.Process(footprint.init, 0, "", footprint.init_started), signal.SIGKILL)
    _gather(footprint)
    if not cgroups.kill(footprint.cgroups):
        cgroups.thaw(footprint.cgroups)
    _repeat_until_quiet(signal.SIGKILL, processes.GONE_STATES, _Patience(footprint, "did not end"))
    # A cgroup no longer lists what is still dying; the init of a namespace is gone when the last of it is.
    _Patience(footprint, "did not end").until(lambda: not processes.alive(footprint.init, footprint.init_started))


def destroy(footprint: Footprint) -> None:
    """Kills all of it and removes its cgroups and files. Raises StillRunning, or OSError where a file resists."""
    # A group can be removed only when nothing lives in it, so the usual end of a job needs no look at its processes.
    if footprint.init or not footprint.cgroups or not all(map(cgroups.remove, footprint.cgroups)):
        kill(footprint)
    for folder in footprint.cgroups:
        _Patience(footprint, f"keep the cgroup {folder} busy").until(lambda folder=folder: cgroups.remove(folder))
    if footprint.namespace:
        namespaces.remove(footprint.namespace)
    if footprint.folder:
        remove_folder(footprint.folder)


def remove_folder(folder: str) -> None:
    """Also what a job locked, or made a thousand folders deep. Raises OSError."""
    import shutil

    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (RecursionError, OSError):
        _remove_by_programs(folder)


def _remove_by_programs(folder: str) -> None:
    """They need neither a stack nor a descriptor for each level."""
    import subprocess

    said = b""
    for command in (("chmod", "-R", "u+rwx"), ("rm", "-rf")):
        try:
            done = subprocess.run(
                [*command, "--", folder], stdin=subprocess.DEVNULL, capture_output=True, timeout=REMOVE_SECONDS,
                check=False, env={"PATH": "/usr/bin:/bin"},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise OSError(f"{folder} was not removed within {REMOVE_SECONDS:g} s") from None
        said = done.stderr
    if os.path.lexists(folder):
        raise OSError(f"{folder} cannot be removed: {said.decode(errors='replace').strip()[:300]}")


def _gather(footprint: Footprint) -> None:
    """Into the cgroup with what escaped it: a process of the host driver may fork in the moment before it is moved."""
    if footprint.cgroups and not footprint.init:
        inside = set(processes.in_cgroup(footprint.cgroups[0]))
        for process in processes.by_name_or_descent(footprint):
            if process.pid not in inside:
                cgroups.enter(footprint.cgroups, process.pid)


class _Patience:
    """A bound on waiting for the processes of one sandbox."""

    def __init__(self, footprint: Footprint, complaint: str, settle_seconds: float = SETTLE_SECONDS) -> None:
        self.footprint = footprint
        self._complaint = f"processes of sandbox {footprint.id} {complaint} within {settle_seconds:g} s"
        self._deadline = time.monotonic() + settle_seconds

    def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.wait()

    def wait(self) -> None:
        if time.monotonic() > self._deadline:
            raise StillRunning(self._complaint)
        time.sleep(POLL_SECONDS)


def _repeat_until_quiet(number: signal.Signals, done_states: str, patience: _Patience) -> None:
    quiet = 0
    while quiet < (1 if patience.footprint.cgroups else QUIET_SCANS):
        busy = [it for it in processes.members(patience.footprint) if it.state not in done_states]
        for process in busy:
            _send(process, number)
        quiet = 0 if busy else quiet + 1
        if busy:
            patience.wait()


def _send(process: processes.Process, number: signal.Signals) -> None:
    """By pidfd, so that a pid that changed hands between look and signal is not hit."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if processes.started(process.pid) == process.started:
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)
