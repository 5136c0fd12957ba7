"""One process of this machine as an `Exec`: spawned in its own session, heard until it ends and a grace more.

`asyncio.create_subprocess_exec` would do it with a thread for each child (Python 3.11) and a transport for each pipe;
this is the hot path of every step of the `host` driver, so it waits on a pidfd and reads the pipe itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence

from services.vm_agent.sandbox import descriptors, programs
from services.vm_agent.sandbox.protocol import (
    DEFAULT_PATH,
    OUTPUT_CHUNK_BYTES,
    OUTPUT_GRACE_SECONDS,
    Exit,
    Output,
    SandboxLost,
)

UMASK = 0o022


class Command:
    """A started process group. `on_start` gets the leader's pid at once, to put it where it belongs.

    `before_exec` is for what must hold from the first instruction: the child does it itself, at the price of a fork
    that copies the agent's page tables, some 4 ms, instead of a vfork.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: str,
        output: Output,
        before_exec: Callable[[], object] | None = None,
        on_start: Callable[[int], object] = lambda pid: None,
        killed_for_memory: Callable[[], bool] = lambda: False,
        grace_seconds: float = OUTPUT_GRACE_SECONDS,
    ) -> None:
        """Raises CannotStart."""
        self._output = output
        self._grace_seconds = grace_seconds
        self._killed_for_memory = killed_for_memory
        self._process, self._pipe = _spawn(argv, env, cwd, before_exec)
        self.pid = self._process.pid
        on_start(self.pid)
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[int] = loop.create_future()
        self._read_bytes = self._delivered_bytes = 0
        self._owed_bytes: int | None = None
        self._settled: asyncio.Future[None] = loop.create_future()
        self._deaf = False
        self._lost = ""
        self._mouth = asyncio.Lock()
        descriptors.when_ended(self._process, self._leader_ended)
        self._hearing = loop.create_task(self._hear())
        self._outcome = loop.create_task(self._follow())
        self._outcome.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def wait(self) -> Exit:
        return await asyncio.shield(self._outcome)

    async def signal(self, number: signal.Signals) -> None:
        # The leader may be gone while its children live; the group's number stays theirs, and is not reused meanwhile.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def on_end(self, action: Callable[[], object]) -> None:
        self._outcome.add_done_callback(lambda task: action())

    def abandon(self, why: str) -> None:
        """The sandbox goes: whoever waits gets SandboxLost, and nothing more is heard."""
        self._lost, self._deaf = why, True
        if not self._ended.done():
            self._ended.set_exception(SandboxLost(why))
        self._hearing.cancel()

    def _leader_ended(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)

    async def _follow(self) -> Exit:
        code = await self._ended
        cut = not await self._rest_heard()
        # A shell lives on when the kernel kills its child, and ends with the child's code: that is the usual case.
        killed_for_memory = code != 0 and self._killed_for_memory()
        if code >= 0:
            return Exit(code, out_of_memory=killed_for_memory, output_cut=cut)
        return Exit(128 - code, signal=-code, out_of_memory=killed_for_memory, output_cut=cut)

    async def _rest_heard(self) -> bool:
        """What the command wrote is delivered however slow the reader; what others write after it, within the grace."""
        if not self._hearing.done():
            self._owed_bytes = self._read_bytes + _waiting_bytes(self._pipe)
            self._settle()
            await asyncio.wait({self._hearing, self._settled}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({self._hearing}, timeout=self._grace_seconds)
        if self._hearing.cancelled():
            raise SandboxLost(self._lost)
        if self._hearing.done():
            await self._hearing
            return True
        async with self._mouth:
            self._deaf = True
        return False

    async def _hear(self) -> None:
        try:
            while data := await self._next():
                self._read_bytes += len(data)
                async with self._mouth:
                    if not self._deaf:
                        await self._output(data)
                self._delivered_bytes += len(data)
                self._settle()
        except Exception:
            self._deaf = True
            await self.signal(signal.SIGKILL)
            raise
        finally:
            os.close(self._pipe)

    def _settle(self) -> None:
        if self._owed_bytes is not None and self._delivered_bytes >= self._owed_bytes and not self._settled.done():
            self._settled.set_result(None)

    async def _next(self) -> bytes:
        while True:
            try:
                return os.read(self._pipe, OUTPUT_CHUNK_BYTES)
            except BlockingIOError:
                await descriptors.readable(self._pipe)


def _spawn(
    argv: Sequence[str], env: Mapping[str, str], cwd: str, before_exec: Callable[[], object] | None
) -> tuple[subprocess.Popen[bytes], int]:
    program = programs.find(argv, env, cwd)
    ours, theirs = os.pipe()
    try:
        process = subprocess.Popen(
            list(argv),
            executable=program,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={"PATH": DEFAULT_PATH, **env},
            start_new_session=True,
            umask=UMASK,
            preexec_fn=before_exec,  # noqa: PLW1509 (it writes to files, and takes no lock)
        )
    except (OSError, ValueError) as trouble:
        os.close(ours)
        raise programs.why_not_started(trouble, argv, cwd) from None
    finally:
        os.close(theirs)
    # Not in the child, for the same reason; so it holds from a moment after the start.
    with contextlib.suppress(OSError):
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (0, 0))
    os.set_blocking(ours, False)
    return process, ours


def _waiting_bytes(pipe: int) -> int:
    try:
        return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), "little")
    except OSError:
        return 0
