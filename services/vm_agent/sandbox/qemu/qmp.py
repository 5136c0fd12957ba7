"""QEMU's control channel: one command at a time, answers told apart from events, every answer with a deadline.

The protocol: docs/interop/qmp-spec of QEMU. QEMU is believed in sizes no more than a guest is: it may have been taken
over by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator

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
    def __init__(self, ours: socket.socket) -> None:
        self._ours = ours
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        """Waits for QEMU's greeting. Raises MonitorError."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._ours, limit=LINE_BYTES)
        async with _deadline("greet", ANSWER_SECONDS):
            await self._line()
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
        request: Json = {"execute": command, **({"arguments": arguments} if arguments else {})}
        async with _deadline(command, seconds):
            self._send(msgspec.json.encode(request) + b"\n", descriptor)
            while True:
                answer = await self._line()
                if "error" in answer:
                    raise MonitorError(f"QEMU refused `{command}`: {_description(answer['error'])}")
                if "return" in answer:
                    return answer["return"]

    async def until(self, command: str, wanted: frozenset[str], seconds: float) -> str:
        """Asks again until `status` is one of these. Raises MonitorError."""
        async with _deadline(f"{command} to be {' or '.join(sorted(wanted))}", seconds):
            while True:
                status = _status(await self.ask(command))
                if status in wanted:
                    return status
                await asyncio.sleep(POLL_SECONDS)

    def close(self) -> None:
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

    async def _line(self) -> Json:
        assert self._reader is not None
        try:
            line = await self._reader.readuntil(b"\n")
            answer = msgspec.json.decode(line, type=Json)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise MonitorError("QEMU has ended") from None
        except (asyncio.LimitOverrunError, msgspec.MsgspecError):
            raise MonitorError("QEMU answered nonsense") from None
        return answer


class _Status(msgspec.Struct):
    status: str = ""


class _Error(msgspec.Struct):
    desc: str = ""


def _status(answer: object) -> str:
    """Of `query-status` and `query-migrate`; "" where there is none."""
    try:
        return msgspec.convert(answer, _Status).status
    except msgspec.ValidationError:
        return ""


def _description(error: object) -> str:
    try:
        return msgspec.convert(error, _Error).desc[:500]
    except msgspec.ValidationError:
        return "without a reason"


@contextlib.asynccontextmanager
async def _deadline(what: str, seconds: float) -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise MonitorError(f"QEMU did not answer within {seconds:g} s ({what})") from None
