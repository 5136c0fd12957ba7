"""One debug session: a kept machine stands again for as long as its user is there, and is gone afterwards.

It ends when the shell does, when either side is silent, when the bus loses a piece, or when what was kept has come to
its end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

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
from libs.contracts.host import DebugOpened, HostEvent, VmDestroyed
from libs.telemetry import log
from services.vm_agent.debug.commands import Debugging
from services.vm_agent.debug.flow import Broken, Inflow, Outflow
from services.vm_agent.debug.machine import Revived, revived
from services.vm_agent.finishing import to_the_end
from services.vm_agent.keep.sealing import Damaged
from services.vm_agent.keep.store import Kept, KeptStore, Missing
from services.vm_agent.sandbox.protocol import Driver, Sandbox, SandboxError, SandboxId

WINDOW = 1_000
"""The most rows or columns that are believed."""

logger = log.get("agent")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What all sessions of an agent share."""

    driver: Driver
    store: KeptStore
    took: Callable[[Sandbox, str], None]
    gave_up: Callable[[SandboxId], None]
    tell: Callable[[HostEvent], None]
    now: Callable[[], datetime]
    clock: Callable[[], float]


class Session:
    """`name` is the session's and its machine's; `say` publishes an answer."""

    def __init__(
        self, grounds: Grounds, name: SandboxId, asked: OpenDebug, say: Callable[[DebugAnswer], Awaitable[None]]
    ) -> None:
        self.name, self._grounds, self._asked, self._say = name, grounds, asked, say
        self._heard = grounds.clock()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._input = Inflow()
        self._output = Outflow(lambda n, data: say(DebugOutput(n, data)))
        self._debugging: Debugging | None = None

    def hear(self, request: DebugRequest) -> None:
        """What the user says."""
        self._heard = self._grounds.clock()
        match request:
            case DebugInput(n, data):
                try:
                    self._input.take(n, data)
                except Broken as error:
                    self._end(str(error))
            case DebugResized(rows, columns):
                if self._debugging is not None and 0 < rows <= WINDOW and 0 < columns <= WINDOW:
                    self._debugging.resize(rows, columns)
            case DebugGranted(count):
                self._output.granted(count)
            case CloseDebug():
                self._end("its user has left")
            case DebugAlive() | OpenDebug():
                pass

    def stop(self, why: str) -> None:
        self._end(why)

    async def run(self) -> None:
        """Until it is over and its machine is gone."""
        work = asyncio.create_task(self._work())
        alive = asyncio.create_task(self._beat())
        ended = DebugEnded(why="the agent was stopped")
        try:
            await asyncio.wait({work, self._over}, return_when=asyncio.FIRST_COMPLETED)
            ended = work.result() if work.done() else DebugEnded(why=self._over.result())
        finally:
            work.cancel()
            alive.cancel()
            await to_the_end(self._finish(work, ended))

    async def _finish(self, work: asyncio.Task[DebugEnded], ended: DebugEnded) -> None:
        await asyncio.wait({work})
        await self._say(ended)

    async def _work(self) -> DebugEnded:
        """A machine made and removed. Raises nothing but CancelledError."""
        grounds = self._grounds
        try:
            kept = await asyncio.to_thread(grounds.store.find, self._asked.attempt, grounds.now())
            made = await revived(grounds.driver, grounds.store, kept, self.name)
        except (SandboxError, Missing, Damaged, OSError) as error:
            return DebugEnded(why=str(error))
        try:
            return await self._in_machine(made)
        except (SandboxError, Damaged, OSError) as error:
            return DebugEnded(why=str(error))
        except Exception as error:
            logger.error("debug session broke", session=self.name, why=repr(error))
            return DebugEnded(why=f"the agent failed: {type(error).__name__}")
        finally:
            await to_the_end(self._destroy(made))

    async def _in_machine(self, made: Revived) -> DebugEnded:
        await made.machine.start()
        self._grounds.took(made.machine, f"debug of {made.kept.attempt}")
        opened = DebugOpened(self.name, made.kept.name, made.kept.attempt, self.name, self._asked.by)
        self._grounds.tell(opened)
        story = made.story
        await self._say(DebugReady("memory" if made.whole else "disk", story.folder, made.note))
        self._debugging = Debugging(made.machine, story, self._asked, self._output.write)
        feeding = asyncio.create_task(self._feed(self._debugging))
        try:
            async with asyncio.timeout(self._left_seconds(made.kept)):
                return DebugEnded(await self._debugging.run())
        except TimeoutError:
            return DebugEnded(why="what was kept has come to its end")
        finally:
            feeding.cancel()

    async def _feed(self, debugging: Debugging) -> None:
        """Ends the session with the machine, or the bus."""
        while True:
            data = await self._input.read()
            with contextlib.suppress(SandboxError):
                await debugging.feed(data)
            await self._say(DebugGranted(len(data)))

    async def _destroy(self, made: Revived) -> None:
        try:
            await made.machine.destroy()
        except Exception as error:
            # The sweep finds it: nobody holds it alive once the session is over.
            logger.error("debug machine not removed", session=self.name, why=repr(error))
            return
        self._grounds.gave_up(self.name)
        self._grounds.tell(VmDestroyed(self.name, "its debug session is over", made.kept.attempt))

    async def _beat(self) -> None:
        while True:
            await self._say(DebugAlive())
            await asyncio.sleep(ALIVE_SECONDS)
            if self._grounds.clock() - self._heard > SILENCE_SECONDS:
                self._end(f"its user was silent for {SILENCE_SECONDS:g} s")

    def _left_seconds(self, kept: Kept) -> float:
        return max(0.0, (kept.until - self._grounds.now()).total_seconds())

    def _end(self, why: str) -> None:
        if not self._over.done():
            self._over.set_result(why)
