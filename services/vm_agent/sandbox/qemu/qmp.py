"""QEMU's control channel: answers told apart by number, events handed on, every answer with a deadline.

The protocol: docs/interop/qmp-spec of QEMU. QEMU is believed in sizes no more than a guest is: it may have been taken
over by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable

import msgspec

LINE_BYTES = 1024**2
"""Of one answer; the longest that is asked for here has a few hundred bytes."""
ANSWER_SECONDS = 10.0
POLL_SECONDS = 0.002
"""A state is loaded within some milliseconds: asking costs less than waiting."""
Json = dict[str, object]


class MonitorError(Exception):
    """QEMU refused a command, answered nonsense, or went away."""


class Monitor:
    """`on_event` is called with an event's name and its data, between two turns of the event loop."""

    def __init__(self, ours: socket.socket, on_event: Callable[[str, object], None] | None = None) -> None:
        self._ours = ours
        self._on_event = on_event
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._pending: dict[int, asyncio.Future[_Line]] = {}
        self._asked = 0
        self._ended: MonitorError | None = None

    async def connect(self) -> None:
        """Waits for QEMU's greeting. Raises MonitorError."""
        reader, self._writer = await asyncio.open_connection(sock=self._ours, limit=LINE_BYTES)
        async with _deadline("greet", ANSWER_SECONDS):
            await _line(reader)
        self._listening = asyncio.create_task(self._listen(reader))
        await self.ask("qmp_capabilities")

    async def ask(
        self,
        command: str,
        arguments: Json | None = None,
        *,
        seconds: float = ANSWER_SECONDS,
        descriptor: int | None = None,
    ) -> object:
        """The answer's `return`. `descriptor` goes along to QEMU. Raises MonitorError."""
        if self._ended is not None:
            raise MonitorError(str(self._ended))
        self._asked = number = self._asked + 1
        self._pending[number] = asyncio.get_running_loop().create_future()
        request: Json = {"execute": command, "id": number, **({"arguments": arguments} if arguments else {})}
        try:
            self._send(msgspec.json.encode(request) + b"\n", descriptor)
            async with _deadline(command, seconds):
                answer = await self._pending[number]
        finally:
            del self._pending[number]
        if answer.error is not None:
            raise MonitorError(f"QEMU refused `{command}`: {answer.error.desc[:500] or 'without a reason'}")
        return answer.returned

    async def until(self, command: str, wanted: frozenset[str], seconds: float) -> str:
        """Asks again until `status` is one of these. Raises MonitorError."""
        async with _deadline(f"{command} to be {' or '.join(sorted(wanted))}", seconds):
            while True:
                status = _status(await self.ask(command))
                if status in wanted:
                    return status
                await asyncio.sleep(POLL_SECONDS)

    def close(self) -> None:
        self._end(MonitorError("it was closed"))
        if self._listening is not None:
            self._listening.cancel()
        if self._writer is not None:
            self._writer.transport.abort()
        else:
            self._ours.close()

    def _send(self, line: bytes, descriptor: int | None) -> None:
        assert self._writer is not None
        if descriptor is None:
            self._writer.write(line)
            return
        # Everything before it was answered, so the stream's own buffer is empty, and so is the kernel's.
        try:
            socket.send_fds(self._ours, [line], [descriptor])
        except OSError as error:
            raise MonitorError(f"QEMU takes no descriptor: {error.strerror}") from None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                line = await _line(reader)
                pending = self._pending.get(line.id)
                if line.event:
                    if self._on_event is not None:
                        self._on_event(line.event, line.data)
                elif pending is not None and not pending.done():
                    pending.set_result(line)
        except MonitorError as error:
            self._end(error)

    def _end(self, why: MonitorError) -> None:
        self._ended = self._ended or why
        for pending in self._pending.values():
            if not pending.done():
                pending.set_exception(MonitorError(str(self._ended)))


class _Error(msgspec.Struct):
    desc: str = ""


class _Line(msgspec.Struct):
    """An answer has the number of its question; an event has none."""

    id: int = 0
    event: str = ""
    data: object = None
    error: _Error | None = None
    returned: object = msgspec.field(name="return", default=None)


async def _line(reader: asyncio.StreamReader) -> _Line:
    try:
        return msgspec.json.decode(await reader.readuntil(b"\n"), type=_Line)
    except (asyncio.IncompleteReadError, ConnectionError):
        raise MonitorError("QEMU has ended") from None
    except (asyncio.LimitOverrunError, msgspec.MsgspecError, RecursionError):
        raise MonitorError("QEMU answered nonsense") from None


class _Status(msgspec.Struct):
    status: str = ""


def _status(answer: object) -> str:
    """Of `query-status` and `query-migrate`; "" where there is none."""
    try:
        return msgspec.convert(answer, _Status).status
    except msgspec.ValidationError:
        return ""


@contextlib.asynccontextmanager
async def _deadline(what: str, seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise MonitorError(f"QEMU did not answer within {seconds:g} s ({what})") from None
