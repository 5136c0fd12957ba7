"""A VMM's process, from its start in its network, cgroup and bounds to its end, and what it said.

A function between fork and exec would make the kernel copy all of the agent's page tables first: ten milliseconds and
more, in which the event loop stands. So a thread of its own enters the network, from which the new process has it; the
cgroup and the bounds follow when the process is there. By then it has not met its guest: it can neither have forked nor
have taken memory worth counting.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence

from services.vm_agent.sandbox import cgroups, descriptors, standstill
from services.vm_agent.sandbox.guest.frames import printable
from services.vm_agent.sandbox.network.namespace import entering
from services.vm_agent.sandbox.protocol import SandboxLost

DESCRIPTORS = 2048
"""A machine has a dozen files and sockets, and one for each connection through its vsock. It is what Firecracker's
jailer sets too, which fails where less is allowed."""
LAST_WORDS_SECONDS = 2.0
"""Between the end of the guest's stream and the end of its VMM."""
WORDS_BYTES = 600
BOUNDS = ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, DESCRIPTORS))


class Vmm:
    """Raises SandboxLost where it cannot be started, and CannotMake where its network is gone."""

    def __init__(
        self, command: Sequence[str], *, groups: tuple[str, ...], namespace: str, passed: Sequence[int], cwd: str
    ) -> None:
        """`namespace` is a network's name, "" for the agent's own; `passed` are descriptors that it inherits."""
        self._output = os.memfd_create("output")

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                cwd=cwd,
                env={"PATH": os.environ.get("PATH", "")},
                pass_fds=passed,
                start_new_session=True,
            )

        try:
            self._process = _within(namespace, start) if namespace else start()
        except (OSError, subprocess.SubprocessError) as error:
            self.close()
            why = getattr(error, "strerror", None) or error
            raise SandboxLost(f"{command[0]} cannot be started: {why}") from None
        self.pid = self._process.pid
        self._exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        descriptors.when_ended(self._process, self._exited.set_result)
        # One that has ended at once is reaped by whoever waits for it, and says itself why. On a busy host one may be
        # another user already, whose bounds only CAP_SYS_RESOURCE could change: they are defence in depth, it may run.
        for bound, most in BOUNDS:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                resource.prlimit(self.pid, bound, (most, most))
        cgroups.enter(groups, self.pid)

    async def ended(self, seconds: float) -> int | None:
        """Its code, negative for a signal; None where it still runs after so long."""
        await asyncio.wait({self._exited}, timeout=seconds)
        return self._exited.result() if self._exited.done() else None

    @property
    def runs(self) -> bool:
        return not self._exited.done()

    def last_words(self) -> str:
        """What it printed last; it may be anything, and is cut."""
        if self._output < 0:
            return ""
        size = os.fstat(self._output).st_size
        text = os.pread(self._output, WORDS_BYTES, max(0, size - WORDS_BYTES)).decode(errors="replace")
        return printable(" ".join(text.split()))

    async def why_it_ended(self) -> str:
        """For a guest whose stream is at its end without a word: was it the guest, or its VMM?"""
        code = await self.ended(LAST_WORDS_SECONDS)
        if code is None:
            return "the guest closed its channel, and its machine still runs: the guest agent broke"
        said = f": {words}" if (words := self.last_words()) else ""
        if code < 0:
            return f"the machine's process was killed by {signal.Signals(-code).name}{said}"
        if code > 0:
            return f"the machine's process ended with {code}{said}"
        return f"the guest ended its machine: it panicked, rebooted or powered off{said}"

    async def kill(self) -> None:
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self.ended(standstill.SETTLE_SECONDS)

    def close(self) -> None:
        """What this process holds open of it; it goes on."""
        if self._output >= 0:
            os.close(self._output)
            self._output = -1


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
