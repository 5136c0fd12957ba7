"""Sends signed webhooks over kept connections, with as little work as it can: it shares the machine with what it loads.

One request at a time on each connection; it reads no more of an answer than its status.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from libs.github.signature import sign

ACCEPTED = b"HTTP/1.1 202"
ANSWER_SECONDS = 10.0


class NotAccepted(Exception):
    """The door answered something else; the message is the answer's first line."""


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    secret: bytes
    host: str

    async def push(self, body: bytes) -> float:
        """Seconds from the request's first byte to the answer. Raises NotAccepted."""
        head = (
            f"POST /webhook HTTP/1.1\r\nhost: {self.host}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-github-event: push\r\nx-github-delivery: {uuid4()}\r\n"
            f"x-hub-signature-256: {sign(self.secret, body)}\r\n\r\n"
        )
        began = time.perf_counter()
        async with asyncio.timeout(ANSWER_SECONDS):
            self.writer.write(head.encode() + body)
            answer = await self.reader.readuntil(b"\r\n\r\n")
            await self.reader.readexactly(_length(answer))
        if not answer.startswith(ACCEPTED):
            raise NotAccepted(answer.partition(b"\r\n")[0].decode("latin-1"))
        return time.perf_counter() - began

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def connected(url: str, secret: str) -> Connection:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    return Connection(reader, writer, secret.encode(), parts.netloc)


async def pushes(url: str, secret: str, body: bytes, *, count: int, in_flight: int) -> list[float]:
    """Seconds that each took, with `in_flight` connections that all send at once."""
    connections = [await connected(url, secret) for _ in range(in_flight)]
    left = iter(range(count))

    async def send(connection: Connection) -> list[float]:
        return [await connection.push(body) for _ in left]

    try:
        took = await asyncio.gather(*(send(connection) for connection in connections))
    finally:
        await asyncio.gather(*(connection.close() for connection in connections))
    return [seconds for each in took for seconds in each]


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])
