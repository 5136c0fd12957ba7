"""The server: raw HTTP over asyncio, because half of what it is for is HTTP that no library would send.

`answer` is what a model says to a request; a `Bad` is how the server misbehaves instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.models import protocol

Writer = asyncio.StreamWriter
Bad = Callable[[Writer], Awaitable[None]]
Answer = str | Bad | dict[str, Any]
"""What a model says; how the server misbehaves; or the whole body of a reply."""


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Models:
    """`say` is asked for what to answer to each question. `native_only`: an old Ollama without `/v1`."""

    say: Callable[[Request], Answer]
    native_only: bool = False
    compatible_only: bool = False
    key: str = protocol.KEY
    requests: list[Request] = field(default_factory=list[Request])
    url: str = ""

    @property
    def questions(self) -> list[Request]:
        """Those that ask for an answer, not for what the model is like."""
        asking = ("/v1/chat/completions", "/api/chat", "/api/generate", "/api/v1/chat/completions")
        return [request for request in self.requests if request.path in asking]

    def system_and_user(self, number: int = -1) -> tuple[str, str]:
        messages = self.questions[number].body["messages"]
        return messages[0]["content"], messages[1]["content"]

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while request := await _read(reader):
                self.requests.append(request)
                await self._answer(request, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _answer(self, request: Request, writer: Writer) -> None:
        model = request.body.get("model", "") if isinstance(request.body, dict) else ""
        native = request.path in ("/api/chat", "/api/generate", "/api/show", "/api/tags")
        if (self.native_only and request.path.startswith("/v1")) or (self.compatible_only and native):
            await send(writer, 404, b"404 page not found", "text/plain")
        elif request.path == "/api/show":
            await send_json(writer, protocol.show_answer())
        elif request.path == "/api/tags":
            await send_json(writer, protocol.tags_answer(protocol.MODEL))
        elif request.path == "/v1/chat/completions":
            await self._say(request, writer, lambda text: protocol.openai_answer(text, model))
        elif request.path == "/api/v1/chat/completions":
            if request.headers.get("authorization") != f"Bearer {self.key}":
                await send(writer, 401, protocol.router_error(401, "No auth credentials found"))
            else:
                await self._say(request, writer, lambda text: protocol.openai_answer(text, model))
        elif request.path == "/api/chat":
            await self._say(request, writer, lambda text: protocol.chat_answer(text, model))
        elif request.path == "/api/generate":
            await self._say(request, writer, lambda text: protocol.generate_answer(text, model))
        else:
            await send(writer, 404, b"404 page not found", "text/plain")

    async def _say(self, request: Request, writer: Writer, envelope: Callable[[str], dict[str, Any]]) -> None:
        answer = self.say(request)
        if isinstance(answer, str):
            await send_json(writer, envelope(answer))
        elif isinstance(answer, dict):
            await send_json(writer, answer)
        else:
            await answer(writer)


@asynccontextmanager
async def models(say: Callable[[Request], Answer] | Answer, **options: Any) -> AsyncGenerator[Models]:
    """A server on a free loopback port while the context lasts."""
    told = say if callable(say) and not asyncio.iscoroutinefunction(say) else lambda _: say
    server_state = Models(told, **options)  # type: ignore[arg-type]
    open_tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_tasks.add(task)
        try:
            await server_state.serve(reader, writer)
        finally:
            open_tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    server_state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield server_state
    finally:
        server.close()
        for task in list(open_tasks):
            task.cancel()
        await asyncio.gather(*open_tasks, return_exceptions=True)


async def send_json(writer: Writer, body: Any, status: int = 200) -> None:
    await send(writer, status, json.dumps(body).encode())


async def send(writer: Writer, status: int, body: bytes, kind: str = "application/json", *more: str) -> None:
    head = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *more, "", ""]
    writer.write("\r\n".join(head).encode() + body)
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = (await reader.readline()).decode("latin-1").strip()
    if not line:
        return None
    method, path, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while header := (await reader.readline()).decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, json.loads(body) if body else None)
