"""The agent's side of the watchdog: starts it, beats, tells it of each sandbox, and starts another should it die.

When the agent was silent for too long, the sandboxes stand still when it wakes, and `on_paused` says so: whether to
resume or to destroy them is the agent's to decide, for it must first learn whether its jobs are still its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from services.vm_agent.sandbox import descriptors
from services.vm_agent.sandbox.protocol import Sandbox, SandboxError, SandboxId

BEAT_SECONDS = 1.0
PAUSE_AFTER_SECONDS = 15.0
"""Fifteen missed beats; with the time to stop everything, a lost job's sandbox stands still within 20 s."""
RESTART_SECONDS = 1.0
"""A watchdog that dies at once must not become a loop of processes."""
CLOSE_SECONDS = 5.0
REPORT_BYTES = 64 * 1024
ROOT = Path(__file__).resolve().parents[4]


class Watchdog:
    """One for an agent. `on_paused` gets the seconds of silence after which everything was paused. `folder` is where
    the agent makes its sandboxes: when it is gone, what it had not told of yet is found there."""

    def __init__(
        self,
        *,
        on_paused: Callable[[float], object] = lambda seconds: None,
        on_trouble: Callable[[str], object] = lambda text: None,
        pause_after_seconds: float = PAUSE_AFTER_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        folder: Path | None = None,
    ) -> None:
        self._on_paused = on_paused
        self._on_trouble = on_trouble
        self._pause_after_seconds = pause_after_seconds
        self._beat_seconds = beat_seconds
        self._folder = folder
        self._sandboxes: dict[SandboxId, Sandbox] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    async def start(self) -> None:
        """Does not wait for it: what is written meanwhile it reads later."""
        self._spawn()
        self._tasks = [asyncio.create_task(self._beat_on()), asyncio.create_task(self._listen_on())]

    def beat(self) -> None:
        """For an agent that does not trust its own loop's health to the built-in beat: says that it lives."""
        self._tell(beat=True)

    def register(self, sandbox: Sandbox) -> None:
        """Once it is started."""
        self._sandboxes[sandbox.id] = sandbox
        self._tell(register=sandbox.footprint._asdict())

    def unregister(self, sandbox_id: SandboxId) -> None:
        """Once it is destroyed."""
        if self._sandboxes.pop(sandbox_id, None) is not None:
            self._tell(unregister=sandbox_id)

    async def pause_all(self) -> None:
        """The agent pauses for itself; trouble with one is told and holds up no other."""
        await self._with_all(lambda sandbox: sandbox.pause())

    async def resume_all(self) -> None:
        await self._with_all(lambda sandbox: sandbox.resume())

    async def close(self) -> None:
        """An orderly farewell: it ends and touches nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._process is None:
            return
        self._tell(close=True)
        self._close_pipe()
        process, self._process = self._process, None
        try:
            await asyncio.to_thread(process.wait, CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        self._close_stdout(process)

    def _spawn(self) -> None:
        reading, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        # Neither the agent's environment nor its site-packages: this process must start fast and depend on nothing.
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-E", "-s", "-S", "-m", f"{__package__}"),
                *(str(self._pause_after_seconds), *([str(self._folder.resolve())] if self._folder else [])),
            ],
            stdin=reading,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={},
            start_new_session=True,
        )
        os.close(reading)
        for sandbox in self._sandboxes.values():
            self._tell(register=sandbox.footprint._asdict())

    async def _beat_on(self) -> None:
        while True:
            self.beat()
            await asyncio.sleep(self._beat_seconds)

    async def _listen_on(self) -> None:
        while True:
            if self._process is not None:
                await self._listen(self._process)
            await asyncio.sleep(RESTART_SECONDS)
            self._spawn()

    async def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Until it dies."""
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        os.set_blocking(descriptor, False)
        pending = b""
        while True:
            await descriptors.readable(descriptor)
            data = os.read(descriptor, REPORT_BYTES)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self._report(json.loads(line))
        self._close_pipe()
        self._close_stdout(process)
        code = await asyncio.to_thread(process.wait)
        self._on_trouble(f"the watchdog ended with {code}; another is started")

    def _report(self, report: dict[str, object]) -> None:
        if "trouble" in report:
            self._on_trouble(str(report["trouble"]))
        if "paused" in report:
            after = report.get("after")
            self._on_paused(float(after) if isinstance(after, int | float) else self._pause_after_seconds)

    def _tell(self, **message: object) -> None:
        if self._pipe < 0:
            return
        line = json.dumps(message).encode() + b"\n"
        try:
            os.write(self._pipe, line)
        except BlockingIOError:
            # It has not read for an hour of beats: it hangs. Its end is noticed, and another started.
            if self._process is not None:
                self._process.send_signal(signal.SIGKILL)
        except BrokenPipeError:
            return

    def _close_pipe(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    @staticmethod
    def _close_stdout(process: subprocess.Popen[bytes]) -> None:
        if process.stdout is not None:
            with contextlib.suppress(OSError):
                process.stdout.close()

    async def _with_all(self, action: Callable[[Sandbox], Awaitable[None]]) -> None:
        async def one(sandbox: Sandbox) -> None:
            try:
                await action(sandbox)
            except (SandboxError, OSError) as trouble:
                self._on_trouble(str(trouble))

        await asyncio.gather(*(one(sandbox) for sandbox in list(self._sandboxes.values())))
