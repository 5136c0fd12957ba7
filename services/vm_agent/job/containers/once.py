"""A container that a step runs and waits for, from its image to its end, as one thing that can be stopped.

A signal that comes while the image is still on its way ends that.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from services.vm_agent.job.containers.action import Actions
from services.vm_agent.job.containers.command_line import ActionContainer
from services.vm_agent.job.containers.process import ContainerProcess
from services.vm_agent.log.step_output import StepOutput
from services.vm_agent.sandbox.protocol import Exit

Image = Callable[[Actions], Awaitable[str]]
"""Pulls or builds it."""
ENDED_BY_SIGNAL = 128
"""Is added to the signal's number, as a shell says it."""


class Once:
    """`image` says how the action's image is come by."""

    def __init__(self, actions: Actions, image: Image, action: ActionContainer, output: StepOutput) -> None:
        self._process: ContainerProcess | None = None
        self._stopped = 0
        self._task = asyncio.ensure_future(self._run(actions, image, action, output))

    async def wait(self) -> Exit:
        """Raises BadContainer, SandboxError."""
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if self._task.cancelled():
            return Exit(ENDED_BY_SIGNAL + self._stopped, signal=self._stopped)
        return self._task.result()

    async def signal(self, number: signal.Signals) -> None:
        self._stopped = int(number)
        if self._process is None:
            self._task.cancel()
        else:
            await self._process.signal(number)

    async def _run(self, actions: Actions, image: Image, action: ActionContainer, output: StepOutput) -> Exit:
        self._process = await actions.run(await image(actions), action, output)
        return await self._process.wait()
