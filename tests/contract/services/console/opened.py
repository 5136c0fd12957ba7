"""A console over a bus in memory, as its own `serve` wires it, with a client; for the tests of pages and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus
from libs.contracts import subjects
from libs.process import Process
from libs.settings import read_settings
from libs.web import serve_http
from services.console.__main__ import Console, console


@dataclass
class Opened:
    process: Process
    console: Console
    client: httpx.AsyncClient

    async def up_to_date(self) -> None:
        """All that the log holds now is in the projection."""
        reader = self.console.reader
        last = (await self.process.bus.extent(subjects.EVENTS)).last
        async with asyncio.timeout(10):
            while reader.position < last or not reader.live.is_set():
                await asyncio.sleep(0.002)

    async def page(self, path: str, status: int = 200) -> str:
        await self.up_to_date()
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text


def make_process(home: Path, bus: Bus | None = None, blobs: MemoryBlobs | None = None, port: int = 0) -> Process:
    settings = read_settings({"FIREBREAK_HOME": str(home), "FIREBREAK_CONSOLE_PORT": str(port)})
    return Process(settings, bus or MemoryBus(), blobs or MemoryBlobs())


@asynccontextmanager
async def opened(process: Process) -> AsyncGenerator[Opened]:
    """Without a socket: whole answers only."""
    async with _reading(process) as made:
        transport = httpx.ASGITransport(made.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            yield Opened(process, made, client)


@asynccontextmanager
async def listening(process: Process) -> AsyncGenerator[Opened]:
    """On a real port, for event streams."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with _reading(process) as made:
        server = asyncio.create_task(serve_http(made.app, "127.0.0.1", 0, ready=port.set_result))
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=10) as client:
                yield Opened(process, made, client)
        finally:
            made.hub.close()
            server.cancel()
            with suppress(asyncio.CancelledError):
                await server


@asynccontextmanager
async def _reading(process: Process) -> AsyncGenerator[Console]:
    made = console(process)
    await made.reader.open()
    task = asyncio.create_task(made.reader.run())
    try:
        yield made
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        made.store.close()
