"""Where debug sessions come in: one listener on the bus for all of this host, and no port anywhere.

Whoever may speak on the bus may ask; the bus's own accounts decide that. Nothing is kept of a session but its events.
"""

from __future__ import annotations

import asyncio
import contextlib
import re

import msgspec

from libs.bus.port import Bus, BusDown
from libs.contracts import subjects
from libs.contracts.debug import DebugAnswer, DebugEnded, DebugRequest, OpenDebug
from libs.contracts.envelope import encode
from libs.contracts.ids import HostId
from libs.telemetry import log
from services.vm_agent.debug.session import Grounds, Session
from services.vm_agent.finishing import to_the_end
from services.vm_agent.sandbox.protocol import SandboxId

SESSIONS = 2
"""At once on a host: each has a machine of its own beside those of the jobs."""
_NAME = re.compile(r"debug-[0-9a-z]{8,32}")
"""It becomes a machine's name."""

logger = log.get("agent")
_requests: msgspec.json.Decoder[DebugRequest] = msgspec.json.Decoder(DebugRequest)


class Door:
    def __init__(self, bus: Bus, host: HostId, grounds: Grounds) -> None:
        self._bus, self._host, self._grounds = bus, host, grounds
        self._sessions: dict[SandboxId, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def held(self) -> tuple[SandboxId, ...]:
        """Machines that no sweep may take. In any thread."""
        return tuple(self._sessions)

    async def run(self) -> None:
        """Until cancelled; every session ends with it."""
        try:
            async with contextlib.aclosing(self._bus.subscribe(subjects.debug_sessions(self._host))) as heard:
                async for subject, data in heard:
                    await self._hear(subject.rpartition(".")[2], data)
        finally:
            await to_the_end(self._close())

    async def _hear(self, name: str, data: bytes) -> None:
        try:
            request = _requests.decode(data)
        except msgspec.DecodeError as error:
            logger.warning("no debug request", session=name[:100], why=error)
            return
        session = self._sessions.get(SandboxId(name))
        if session is not None:
            session.hear(request)
        elif isinstance(request, OpenDebug) and _NAME.fullmatch(name):
            await self._open(SandboxId(name), request)

    async def _open(self, name: SandboxId, asked: OpenDebug) -> None:
        if len(self._sessions) >= SESSIONS:
            why = f"host {self._host} has {SESSIONS} debug sessions already, and has no more"
            await self._say(name, DebugEnded(why=why))
            return
        session = self._sessions[name] = Session(self._grounds, name, asked, lambda answer: self._say(name, answer))
        task = asyncio.create_task(self._hold(session), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hold(self, session: Session) -> None:
        try:
            await session.run()
        finally:
            del self._sessions[session.name]

    async def _say(self, name: SandboxId, answer: DebugAnswer) -> None:
        """What cannot be said is lost; the other side notices."""
        with contextlib.suppress(BusDown):
            await self._bus.publish(subjects.debug_output(self._host, name), encode(answer))

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
