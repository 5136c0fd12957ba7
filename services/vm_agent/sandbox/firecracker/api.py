"""Firecracker's API: HTTP over a unix socket, one request at a time, each with a deadline and a bounded answer.

A path of a socket may have 107 characters, and a machine's folder more, so it is reached through the folder's
descriptor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator, Iterable
from pathlib import Path

import msgspec

from services.vm_agent.sandbox.firecracker.requests import Request
from services.vm_agent.sandbox.protocol import SandboxLost

SOCKET_SECONDS = 10.0
"""Until it listens; it takes some milliseconds."""
ANSWER_SECONDS = 60.0
"""Saving a machine writes all of its memory before it answers."""
POLL_SECONDS = 0.002
ANSWER_BYTES = 64 * 1024
REQUEST_BYTES = 51_200
"""Firecracker's own bound."""


class Fault(SandboxLost):
    """Firecracker refused a request: what it said."""


class Gone(SandboxLost):
    """Firecracker does not answer any more."""


class _Refusal(msgspec.Struct):
    fault_message: str = ""


async def connect(path: Path, seconds: float) -> socket.socket:
    """Waits until something listens there. Raises Gone."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            with _folder(path.parent) as folder:
                await loop.sock_connect(client, f"/proc/self/fd/{folder}/{path.name}")
            return client
        except OSError as error:
            client.close()
            if loop.time() > deadline:
                raise Gone(f"{path.name} does not answer: {error.strerror or error}") from None
            await asyncio.sleep(POLL_SECONDS)


class Api:
    """`path` is the socket's, as this process sees it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        """Raises Gone."""
        client = await connect(self._path, SOCKET_SECONDS)
        self._reader, self._writer = await asyncio.open_connection(sock=client, limit=ANSWER_BYTES)

    async def send(self, requests: Iterable[Request]) -> None:
        """One after the other. Raises Fault, Gone."""
        for request in requests:
            await self.ask(request)

    async def ask(self, request: Request) -> bytes:
        """The answer's body. Raises Fault, Gone."""
        assert self._writer is not None
        assert self._reader is not None
        body = msgspec.json.encode(request.body) if request.method != "GET" else b""
        if len(body) > REQUEST_BYTES:
            raise Fault(
                f"{request.method} {request.path}: the request has {len(body)} bytes, {REQUEST_BYTES} are allowed"
            )
        head = (
            f"{request.method} {request.path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                self._writer.write(head.encode() + body)
                status, answer = await self._answer(self._reader)
        except TimeoutError:
            raise Gone(f"{request.method} {request.path}: no answer within {ANSWER_SECONDS:g} s") from None
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise Gone(
                f"{request.method} {request.path}: Firecracker has ended or answers nonsense ({error})"
            ) from None
        if status >= 300:
            raise Fault(f"{request.method} {request.path}: Firecracker refused ({status}): {_fault(answer)}")
        return answer

    def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii", "replace").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        length = int(fields.get("content-length", "0"))
        if not 0 <= length <= ANSWER_BYTES:
            raise ValueError(f"an answer of {length} bytes")
        return status, await reader.readexactly(length)


def _fault(answer: bytes) -> str:
    with contextlib.suppress(msgspec.MsgspecError):
        return " ".join(msgspec.json.decode(answer, type=_Refusal).fault_message.split())[:500]
    return "without a reason"


@contextlib.contextmanager
def _folder(path: Path) -> Generator[int]:
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
