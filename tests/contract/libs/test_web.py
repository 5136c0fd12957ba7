"""Serving HTTP within a running event loop."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.environment import BadSetting
from libs.web import serve_http

NAGLE_SECONDS = 0.03
"""A delayed acknowledgement takes 40 ms on Linux."""


async def _hello(_: Request) -> Response:
    return JSONResponse({"hello": "world"})


async def test_an_answer_on_a_kept_connection_does_not_wait_for_an_acknowledgement() -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = Starlette(routes=[Route("/", _hello)])
    server = asyncio.create_task(serve_http(app, "127.0.0.1", 0, ready=port.set_result))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}") as client:
        took: list[float] = []
        for _ in range(20):
            began = time.perf_counter()
            assert (await client.get("/")).json() == {"hello": "world"}
            took.append(time.perf_counter() - began)
    server.cancel()
    with suppress(asyncio.CancelledError):
        await server

    assert min(took[5:]) < NAGLE_SECONDS, "each of the later ones waits where TCP_NODELAY is not set"


async def test_a_port_in_use_is_a_setting_to_change() -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = Starlette()
    server = asyncio.create_task(serve_http(app, "127.0.0.1", 0, ready=port.set_result))
    with pytest.raises(BadSetting, match="cannot listen"):
        await serve_http(app, "127.0.0.1", await port)
    server.cancel()
    with suppress(asyncio.CancelledError):
        await server


@pytest.mark.parametrize("before", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo"])
async def test_a_head_that_does_not_arrive_in_time_ends_the_connection(before: bytes) -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(
        serve_http(Starlette(routes=[Route("/", _hello)]), "127.0.0.1", 0, ready=port.set_result, head_seconds=0.2)
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", await port)
    for piece in (before[:-2], before[-2:]):
        writer.write(piece)
        await writer.drain()
    answered = await asyncio.wait_for(reader.read(), timeout=5)
    writer.close()
    server.cancel()
    with suppress(asyncio.CancelledError):
        await server

    assert answered.count(b"HTTP/1.1 200") == before.count(b"\r\n\r\n")


async def test_a_kept_connection_may_rest_longer_than_a_head_may_take() -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = Starlette(routes=[Route("/", _hello)])
    server = asyncio.create_task(serve_http(app, "127.0.0.1", 0, ready=port.set_result, head_seconds=0.05))
    reader, writer = await asyncio.open_connection("127.0.0.1", await port)
    for _ in range(2):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"}"), timeout=5)
        await asyncio.sleep(0.2)
    writer.close()
    server.cancel()
    with suppress(asyncio.CancelledError):
        await server
