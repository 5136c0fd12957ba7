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

from libs.settings import BadSetting
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
