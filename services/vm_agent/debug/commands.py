"""What runs in a debug session: steps once more, then a command or a shell, where the failing step stood.

Input comes and output goes through whoever made the session; nothing here knows the bus.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from libs.contracts.debug import OpenDebug
from services.vm_agent.debug.machine import Interactive
from services.vm_agent.job.recipe import Recipe, Story
from services.vm_agent.sandbox.protocol import CannotStart, Capability, Exec, Output, Sandbox, Terminal

SHELL = ("/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash -i; exec sh -i")
COMMAND = ("/bin/sh", "-c", 'command -v bash >/dev/null 2>&1 && exec bash -c "$1"; exec sh -c "$1"', "debug")
"""With the command behind it."""


class _WithTerminal(Protocol):
    """`Sandbox.exec` where TERMINAL is among the capabilities."""

    async def exec(
        self, argv: Sequence[str], *, env: dict[str, str], cwd: str, output: Output, terminal: Terminal | None
    ) -> Exec: ...


class Debugging:
    """`running` is the command that has the terminal now, for input and the window's size."""

    def __init__(self, machine: Sandbox, story: Story, asked: OpenDebug, output: Callable[[bytes], Awaitable[None]]):
        self._machine, self._story, self._asked, self._output = machine, story, asked, output
        self._size = (asked.rows, asked.columns)
        self._running: Interactive | None = None
        self._ready = asyncio.Event()

    async def run(self) -> int:
        """The exit code of the command or the shell. Raises SandboxError."""
        if self._asked.step is not None:
            await self._again(self._asked.step)
        env, folder = self._story.env, self._story.folder
        if self._asked.command is not None:
            return await self._ended(await self._exec((*COMMAND, self._asked.command), env, folder, terminal=False))
        return await self._ended(await self._exec(SHELL, env, folder, terminal=True))

    async def feed(self, data: bytes) -> None:
        """Waits for a terminal to be there; with a command instead of a shell there is never one."""
        await self._ready.wait()
        if self._running is not None:
            await self._running.feed(data)

    def resize(self, rows: int, columns: int) -> None:
        self._size = (rows, columns)
        if self._running is not None:
            self._running.resize(rows, columns)

    async def _again(self, first: int) -> None:
        """Stops at a step that fails, as the job did."""
        recipes = [recipe for recipe in self._story.recipes if recipe.index >= first]
        if not recipes:
            await self._say(f"no step from {first + 1} on can be run again")
        for recipe in recipes:
            if (code := await self._step(recipe)) != 0:
                await self._say(f"step {recipe.index + 1} ended with {code}")
                return

    async def _step(self, recipe: Recipe) -> int:
        await self._say(f"step {recipe.index + 1}: {recipe.name}")
        await self._machine.write_file(recipe.path, recipe.script.encode("utf-8", "replace"), 0o755)
        terminal = self._asked.command is None
        return await self._ended(await self._exec(recipe.argv, recipe.env, recipe.folder, terminal=terminal))

    async def _say(self, text: str) -> None:
        await self._output(f"\r\n--- {text}\r\n".encode())

    async def _exec(self, argv: Sequence[str], env: dict[str, str], folder: str, *, terminal: bool) -> Exec:
        try:
            return await self._start(argv, env, folder, terminal=terminal)
        except CannotStart as error:
            if folder == self._machine.paths.work:
                raise
            await self._say(f"not in {folder}: {error}")
            return await self._start(argv, env, self._machine.paths.work, terminal=terminal)

    async def _start(self, argv: Sequence[str], env: dict[str, str], folder: str, *, terminal: bool) -> Exec:
        machine = self._machine
        if not terminal or Capability.TERMINAL not in machine.capabilities:
            return await machine.exec(argv, env=env, cwd=folder, output=self._output)
        window = Terminal(*self._size, kind=self._asked.terminal)
        with_terminal: _WithTerminal = machine  # type: ignore[assignment]  # its capability says so
        running = await with_terminal.exec(argv, env=env, cwd=folder, output=self._output, terminal=window)
        if isinstance(running, Interactive):
            self._running = running
            self._ready.set()
        return running

    async def _ended(self, running: Exec) -> int:
        ended = await running.wait()
        self._running = None
        self._ready.clear()
        return ended.code
