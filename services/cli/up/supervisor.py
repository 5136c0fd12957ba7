"""Keeps the children alive until it is told to stop; a dead one is started again, a stopped one is waited for.

It knows nothing of what they do. If the supervisor itself is killed, the kernel ends its children (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from libs.children import die_with_parent
from libs.process import EXIT_USAGE
from libs.telemetry import log
from services.cli.up.children import Child
from services.cli.up.restart import Restarts

STOP_SECONDS = 15.0
"""An agent gives its jobs a bounded grace when it is told to stop; after this a child is killed."""

logger = log.get("up")


class Supervisor:
    """`async with Supervisor(children)`: started inside, ended in reverse order at the exit.

    What the children say goes to `log`, or to our own standard error.
    """

    def __init__(self, children: Sequence[Child], log: Path | None = None) -> None:
        self._children = children
        self._log = log
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._refusals: asyncio.Queue[str] = asyncio.Queue()

    async def __aenter__(self) -> Supervisor:
        self._keepers = [asyncio.create_task(self._keep(child)) for child in self._children]
        return self

    async def __aexit__(self, *_: object) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for child in reversed(self._children):
            await self._end(child.name)

    def pids(self) -> dict[str, int]:
        """The processes that live now."""
        return {name: process.pid for name, process in self._processes.items() if process.returncode is None}

    async def refused(self) -> str:
        """Waits for a service that refuses its settings, which starting it again cannot mend; its name."""
        return await self._refusals.get()

    async def _keep(self, child: Child) -> None:
        restarts = Restarts()
        while True:
            restarts.begin(time.monotonic())
            process = await self._start(child)
            self._processes[child.name] = process
            code = await process.wait()
            if code == EXIT_USAGE:
                self._refusals.put_nowait(child.name)
                return
            delay = restarts.delay_seconds(time.monotonic())
            logger.warning("a service died and is started again", died=child.name, code=code, in_seconds=delay)
            await asyncio.sleep(delay)

    async def _start(self, child: Child) -> asyncio.subprocess.Process:
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context(self._log.open("ab")) if self._log else None
            return await asyncio.create_subprocess_exec(
                *child.argv,
                env=dict(child.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
                preexec_fn=partial(die_with_parent, signal.SIGTERM),
            )

    async def _end(self, name: str) -> None:
        process = self._processes.get(name)
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            logger.warning("a service did not stop in time and is killed", killed=name, after_seconds=STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
