"""Starts a VMM in its network, its cgroup and its bounds, without a copy of this process in between.

A function between fork and exec would make the kernel copy all of the agent's page tables first: ten milliseconds and
more, in which the event loop stands. So a thread of its own enters the network, from which the new process has it; the
cgroup and the bounds follow when the process is there. By then it has not met its guest: it can neither have forked nor
have taken memory worth counting.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
from collections.abc import Callable, Sequence

from services.vm_agent.sandbox import cgroups
from services.vm_agent.sandbox.network.namespace import entering
from services.vm_agent.sandbox.protocol import SandboxLost

DESCRIPTORS = 256
"""A machine has a dozen files and sockets."""
BOUNDS = ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, DESCRIPTORS))


def spawn(
    command: Sequence[str], *, groups: tuple[str, ...], namespace: str, passed: Sequence[int], cwd: str, output: int
) -> subprocess.Popen[bytes]:
    """`namespace` is a network's name, "" for the agent's own; `output` takes what it prints. Raises SandboxLost, and
    CannotMake where its network is gone."""

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env={"PATH": os.environ.get("PATH", "")},
            pass_fds=passed,
            start_new_session=True,
        )

    try:
        process = _within(namespace, start) if namespace else start()
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxLost(f"{command[0]} cannot be started: {getattr(error, 'strerror', None) or error}") from None
    # One that has ended at once is reaped by whoever waits for it, and says itself why.
    cgroups.enter(groups, process.pid)
    for bound, most in BOUNDS:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, bound, (most, most))
    return process


def _within(namespace: str, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """In a thread that nobody uses again: only it is in that network, and it ends there."""
    descriptor, enter = entering(namespace)
    started: list[subprocess.Popen[bytes]] = []
    troubles: list[OSError | subprocess.SubprocessError] = []

    def enter_and_start() -> None:
        try:
            enter()
            started.append(start())
        except (OSError, subprocess.SubprocessError) as error:
            troubles.append(error)

    thread = threading.Thread(target=enter_and_start, name="spawn")
    try:
        thread.start()
        thread.join()
    finally:
        os.close(descriptor)
    if troubles:
        raise troubles[0]
    return started[0]
