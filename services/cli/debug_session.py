"""The user's end of a debug session: the terminal on one side, messages of the bus on the other."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Protocol

import msgspec

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.debug import (
    ALIVE_SECONDS,
    SILENCE_SECONDS,
    CloseDebug,
    DebugAlive,
    DebugAnswer,
    DebugEnded,
    DebugGranted,
    DebugInput,
    DebugOutput,
    DebugReady,
    DebugRequest,
    DebugResized,
    OpenDebug,
)
from libs.contracts.envelope import encode
from libs.contracts.ids import HostId
from services.cli.outcome import Failed, Unreachable
from services.vm_agent.debug.flow import Broken, Inflow, Outflow

ANSWER_SECONDS = 10.0
"""A host that lives says at once that it has heard; a session of a silent one is asked for again meanwhile."""
ASK_AGAIN_SECONDS = 1.0

_answers: msgspec.json.Decoder[DebugAnswer] = msgspec.json.Decoder(DebugAnswer)


class Screen(Protocol):
    """Where a session is shown; a terminal, or pipes."""

    def ready(self, said: DebugReady) -> None: ...
    async def show(self, data: bytes) -> None: ...
    async def keys(self) -> bytes:
        """What the user typed. Waits for ever where nobody types."""
        ...


class DebugSession:
    def __init__(self, bus: Bus, host: HostId, screen: Screen) -> None:
        self._bus, self._host, self._screen = bus, host, screen
        self._name = f"debug-{os.urandom(8).hex()}"
        self._input = Outflow(lambda n, data: self._say(DebugInput(n, data)))
        self._output = Inflow()
        self._heard: float | None = None
        self._ended: asyncio.Future[DebugEnded] = asyncio.get_running_loop().create_future()

    async def run(self, asked: OpenDebug) -> int:
        """The exit code of the shell or the command. Raises Failed, Unreachable."""
        tasks: list[asyncio.Task[None]] = []
        listening = asyncio.create_task(self._listen())
        try:
            await self._open(asked)
            tasks = [asyncio.create_task(one) for one in (self._show(), self._type(), self._beat())]
            await asyncio.wait({self._ended, listening, *tasks[1:]}, return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, *tasks[1:]):
                if task.done():
                    task.result()
            return await self._result(tasks[0])
        except Broken as error:
            raise Failed(f"the session ended: {error}") from None
        finally:
            for task in (listening, *tasks):
                task.cancel()
            await asyncio.wait({listening, *tasks})
            if not self._ended.done():
                await self._say(CloseDebug())

    def resized(self, rows: int, columns: int) -> asyncio.Task[None]:
        """Called when the window is another size."""
        return asyncio.create_task(self._say(DebugResized(rows, columns)))

    async def _result(self, showing: asyncio.Task[None]) -> int:
        """What came before the end is shown first. Raises Failed."""
        ended = self._ended.result()
        self._output.end()
        await asyncio.wait({showing}, timeout=SILENCE_SECONDS)
        if ended.why:
            raise Failed(f"host {self._host}: {ended.why}")
        return ended.code

    async def _open(self, asked: OpenDebug) -> None:
        """Raises Unreachable."""
        begun = time.monotonic()
        while self._heard is None and not self._ended.done():
            if time.monotonic() - begun > ANSWER_SECONDS:
                raise Unreachable(f"host {self._host} does not answer; `firebreak hosts ls` shows who does")
            await self._say(asked)
            await asyncio.sleep(ASK_AGAIN_SECONDS if self._heard is None else 0)

    async def _listen(self) -> None:
        subject = subjects.debug_output(self._host, self._name)
        async with contextlib.aclosing(self._bus.subscribe(subject)) as heard:
            async for _, data in heard:
                self._heard = time.monotonic()
                self._hear(_answers.decode(data))

    def _hear(self, answer: DebugAnswer) -> None:
        """Raises Broken."""
        match answer:
            case DebugReady():
                self._screen.ready(answer)
            case DebugOutput(n, data):
                self._output.take(n, data)
            case DebugGranted(count):
                self._input.granted(count)
            case DebugAlive():
                pass
            case DebugEnded():
                if not self._ended.done():
                    self._ended.set_result(answer)

    async def _show(self) -> None:
        while data := await self._output.read():
            await self._screen.show(data)
            await self._say(DebugGranted(len(data)))

    async def _type(self) -> None:
        while True:
            await self._input.write(await self._screen.keys())

    async def _beat(self) -> None:
        """Raises Unreachable when the host has gone silent."""
        while True:
            await self._say(DebugAlive())
            await asyncio.sleep(ALIVE_SECONDS)
            if self._heard is not None and time.monotonic() - self._heard > SILENCE_SECONDS:
                raise Unreachable(f"host {self._host} was silent for {SILENCE_SECONDS:g} s")

    async def _say(self, request: DebugRequest) -> None:
        await self._bus.publish(subjects.debug_session(self._host, self._name), encode(request))
