"""How a model's server goes wrong, one way each: what it does to the connection, or what it says."""

from __future__ import annotations

import asyncio
import gzip
import json

from tests.fakes.models import protocol
from tests.fakes.models.server import Answer, Bad, Writer, send

FOR_EVER_SECONDS = 60.0
"""Longer than any deadline in a test."""
HUGE_BYTES = 50 * 1024 * 1024


def whole(content: str, finish: str = "stop", **message: object) -> Answer:
    """A reply of the compatible protocol in one piece."""
    return protocol.openai_answer(content, protocol.MODEL, finish, **message)


def status(code: int, body: bytes = b'{"error":{"message":"no"}}', *headers: str) -> Bad:
    async def answer(writer: Writer) -> None:
        await send(writer, code, body, "application/json", *headers)

    return answer


def raw(body: bytes, kind: str = "application/json") -> Bad:
    async def answer(writer: Writer) -> None:
        await send(writer, 200, body, kind)

    return answer


async def silent(writer: Writer) -> None:
    """It takes the question and says nothing."""
    await asyncio.sleep(FOR_EVER_SECONDS)


async def hung_up(writer: Writer) -> None:
    writer.close()


async def slow_headers(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Slow: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def slow_body(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def cut_off(writer: Writer) -> None:
    """It ends in the middle of its body."""
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"choices":')
    await writer.drain()
    writer.close()


async def endless(writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" " * 65536)
        await writer.drain()


async def huge(writer: Writer) -> None:
    before, _, after = json.dumps(protocol.openai_answer("@", protocol.MODEL)).encode().partition(b"@")
    await send(writer, 200, before + b"x" * HUGE_BYTES + after)


BOMB = gzip.compress(b" " * (8 * 1024 * 1024))


async def bomb(writer: Writer) -> None:
    """A few kilobytes that stand for eight megabytes."""
    await send(writer, 200, BOMB, "application/json", "Content-Encoding: gzip")
