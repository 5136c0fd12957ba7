"""A wire between a client and the server that can be cut, go silent, or lose a message, whenever a test says so."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from urllib.parse import urlsplit

_MESSAGE = re.compile(rb"HMSG (\S+) \d+ (?:\S+ )?\d+ (\d+)\r\n")
CHUNK_BYTES = 16 * 1024


class Wire:
    """Forwards bytes. `cut` breaks every connection at once, in the middle of whatever is under way."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._losing = b""
        self._deaf = False
        self.connections = 0
        self.lost = 0

    async def open(self) -> str:
        """Where to connect."""
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def deafen(self) -> None:
        """Until the next `cut`, the server hears everything, and nothing that it answers arrives."""
        self._deaf = True

    def cut(self) -> None:
        self._deaf = False
        for writer in list(self._writers):
            writer.transport.abort()

    def lose(self, subject: str) -> None:
        """The next message with headers on a subject that begins so does not arrive; nobody is told."""
        self._losing = subject.encode()

    def stall(self) -> None:
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.flow()
        self.cut()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            to_server = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_server[1]}
        await asyncio.gather(self._pump(reader, to_server[1], to_client=False), self._pump(to_server[0], writer))
        self._writers -= {writer, to_server[1]}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, to_client: bool = True
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                if to_client and self._deaf:
                    continue
                if to_client and self._losing:
                    data = await self._without_one(data, reader)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _without_one(self, data: bytes, reader: asyncio.StreamReader) -> bytes:
        for found in _MESSAGE.finditer(data):
            if found[1].startswith(self._losing):
                end = found.end() + int(found[2]) + 2
                rest = await reader.readexactly(end - len(data)) if end > len(data) else b""
                self._losing, self.lost = b"", self.lost + 1
                return data[: found.start()] + (data + rest)[end:]
        return data
