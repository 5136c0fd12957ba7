"""Carries the byte stream between the host's channel and the guest agent by calls of the API, both ways.

The relay in the machine keeps what was not confirmed, and every byte has its position: so a call that failed is simply
made again, and no time limit of HTTP touches a command of the job. The guest's answers are believed no more than
those of any guest: lengths are bounded here, and what the bytes mean the channel judges.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import socket
import zlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import msgspec

from services.vm_agent.sandbox.fcctl.api import ApiTrouble
from services.vm_agent.sandbox.fcctl.requests import BadAnswer
from services.vm_agent.sandbox.fcctl.shell import NoWay, Shell
from services.vm_agent.sandbox.protocol import SandboxError

TRIES = 4
"""Of one call; between them the pause doubles, so that a server that starts anew within some seconds costs no job."""
FIRST_PAUSE_SECONDS = 0.5
CALL_SECONDS = 30
PUSHED_BYTES = 64 * 1024
"""The most that one call carries to the guest, compressed: it goes through an argument of 128 KiB, in base64."""
TAKEN_BYTES = 512 * 1024
"""The most that is compressed for one call."""
FLAT_BYTES = 48 * 1024
"""So many are sent where they cannot be compressed."""
PULLED_BYTES = 4 * 1024**2
"""No honest relay has so many bytes in one answer."""
SERVER_TROUBLE_FROM = 500

_Result = TypeVar("_Result")


class _Pushed(msgspec.Struct, frozen=True):
    taken: int
    over: bool


class _Pulled(msgspec.Struct, frozen=True):
    over: bool = False
    lost: bool = False


class _Over(Exception):
    """The agent's end, in words."""


class Answer(NamedTuple):
    fields: str
    data: str


class Tunnel:
    """`relay` is the command that speaks with the relay; `wait_seconds` is how long a call waits for the guest's word.

    `ours` is the end of a socket pair whose other end the channel has.
    """

    def __init__(self, shell: Shell, relay: str, wait_seconds: float) -> None:
        self._shell = shell
        self._relay = relay
        self._wait_seconds = wait_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._why = "the guest has gone away"

    async def open(self) -> socket.socket:
        """The channel's end."""
        theirs, ours = socket.socketpair()
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=TAKEN_BYTES)
        for way in (self._push(reader), self._pull(self._writer)):
            self._tasks.append(asyncio.create_task(self._carry(way)))
        return theirs

    async def why(self) -> str:
        """Why the stream ended."""
        return self._why

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._writer is not None:
            self._writer.transport.abort()

    async def _carry(self, way: Awaitable[None]) -> None:
        try:
            await way
        except (SandboxError, _Over, OSError) as trouble:
            self._why = str(trouble)
            if self._writer is not None:
                self._writer.transport.abort()

    async def _push(self, reader: asyncio.StreamReader) -> None:
        position, waiting = 0, b""
        while True:
            waiting = waiting or await reader.read(TAKEN_BYTES)
            if not waiting:
                return
            count, packed = packed_front(waiting)
            sent = position
            document = base64.encodebytes(packed).decode()

            async def push(sent: int = sent, document: str = document) -> _Pushed:
                answer = await self._ask(f"push {sent}", f" <<'FIREBREAK'\n{document}FIREBREAK")
                return _read(answer.fields, _Pushed)

            said = await _again(push)
            if said.taken != position + count:
                raise BadAnswer("the relay in the machine took another number of bytes than it was sent")
            position, waiting = said.taken, waiting[count:]

    async def _pull(self, writer: asyncio.StreamWriter) -> None:
        position = 0
        while True:
            at = position

            async def pull(at: int = at) -> tuple[_Pulled, bytes]:
                answer = await self._ask(f"pull {at}", "", f" {self._wait_seconds:g}")
                return _read(answer.fields, _Pulled), unpacked(answer.data)

            said, data = await _again(pull)
            if said.lost:
                raise BadAnswer("the relay in the machine lost its place in the stream")
            if said.over and not data:
                raise _Over("the guest's agent has ended")
            writer.write(data)
            await writer.drain()
            position += len(data)

    async def _ask(self, words: str, document: str, last: str = "") -> Answer:
        nonce = os.urandom(8).hex()
        said = await self._shell.run(f"{self._relay} {words} {nonce}{last}{document}", seconds=CALL_SECONDS)
        line = said.text.strip()
        if said.code != 0 or not line.startswith(f"{nonce} "):
            raise NoWay(f"the relay in the machine does not answer: its command ended with {said.code}")
        fields, _, data = line.removeprefix(f"{nonce} ").rpartition(" ")
        return Answer(fields, data)


async def _again(call: Callable[[], Awaitable[_Result]]) -> _Result:
    """Positions make each call safe to be made twice. A refusal is no reason to ask again."""
    pause_seconds = FIRST_PAUSE_SECONDS
    for _ in range(TRIES - 1):
        try:
            return await call()
        except NoWay:
            pass
        except ApiTrouble as trouble:
            if 0 < trouble.status < SERVER_TROUBLE_FROM and trouble.status != 429:
                raise
        await asyncio.sleep(pause_seconds)
        pause_seconds *= 2
    return await call()


def _read(text: str, kind: type[_Result]) -> _Result:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError:
        raise BadAnswer("the relay in the machine answered what it never would") from None


def packed_front(data: bytes) -> tuple[int, bytes]:
    """How many bytes from the front, and they compressed."""
    packed = zlib.compress(data, 1)
    if len(packed) <= PUSHED_BYTES:
        return len(data), packed
    return min(len(data), FLAT_BYTES), zlib.compress(data[:FLAT_BYTES], 1)


def unpacked(text: str) -> bytes:
    """Raises BadAnswer, too, where a few bytes would become a flood."""
    unpacking = zlib.decompressobj()
    try:
        data = unpacking.decompress(base64.b64decode(text, validate=True), PULLED_BYTES)
    except (zlib.error, binascii.Error, ValueError):
        raise BadAnswer("the relay in the machine answered no compressed bytes") from None
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise BadAnswer(f"the relay in the machine answered more than {PULLED_BYTES} bytes")
    return data
