"""A signed push to its stored 202, through a real ingress process, beside bare publishes to the same server."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from libs.bus.server import NatsServer
from services.cli.demo.repository import push_payload
from tests.bench.figures import Figure, median
from tests.bench.limits import bare_stream, publishes_a_second
from tests.bench.ports import free_port
from tests.bench.sender import pushes
from tests.chaos.services import ServiceProcess

SIZE = 8 * 1024
IN_FLIGHT = 64
ROUNDS = 4
"""Ours and the bare one take turns, so that both meet the same neighbours on the machine."""
AT_ONCE_COUNT = 1_000
ALONE_COUNT = 200
WARM_COUNT = 500
SECRET = "correct horse battery staple"
READY_SECONDS = 20.0
UNBOUNDED = {"FIREBREAK_INGRESS_RATE": "1000000", "FIREBREAK_INGRESS_BURST": "1000000"}
"""One source sends everything here, and its share is not what is measured."""


async def measure(folder: Path) -> list[Figure]:
    server = NatsServer(folder / "nats", sync_always=True)
    await server.start()
    try:
        async with bare_stream(server.url) as stream, _ingress(server.url, folder / "ingress") as url:
            body = push_of(SIZE)
            await pushes(url, SECRET, body, count=WARM_COUNT, in_flight=IN_FLIGHT)
            at_once, alone = Rates(), Rates()
            for _ in range(ROUNDS):
                at_once.bare.append(await publishes_a_second(stream, SIZE, count=AT_ONCE_COUNT, in_flight=IN_FLIGHT))
                at_once.ours.append(await _pushes_a_second(url, body, AT_ONCE_COUNT, IN_FLIGHT))
                alone.bare.append(await publishes_a_second(stream, SIZE, count=ALONE_COUNT, in_flight=1))
                alone.ours.append(await _pushes_a_second(url, body, ALONE_COUNT, 1))
    finally:
        await server.kill()
    return [at_once.figure(f"{IN_FLIGHT} in flight"), alone.figure("one at a time")]


@dataclass
class Rates:
    """A round's rate each, per second."""

    ours: list[float] = field(default_factory=list[float])
    bare: list[float] = field(default_factory=list[float])

    def figure(self, how: str) -> Figure:
        return Figure(
            what=f"signed 8 KiB push to 202, stored, {how}",
            measured=median(self.ours),
            unit="/s",
            better="more",
            limit=median(self.bare),
            limit_is=f"bare JetStream publishes, {how}",
            times_limit=0.5,
        )


async def _pushes_a_second(url: str, body: bytes, count: int, in_flight: int) -> float:
    began = time.perf_counter()
    await pushes(url, SECRET, body, count=count, in_flight=in_flight)
    return count / (time.perf_counter() - began)


def push_of(size: int) -> bytes:
    """A push as GitHub sends it, made exactly this long by its commit's message."""
    payload = push_payload("0" * 39 + "1", "0" * 39 + "2")
    payload["padding"] = ""
    payload["padding"] = "x" * (size - len(json.dumps(payload)))
    return json.dumps(payload).encode()


@asynccontextmanager
async def _ingress(nats_url: str, home: Path) -> AsyncGenerator[str]:
    port = free_port()
    settings = {"PORT": str(port), "GITHUB_WEBHOOK_SECRET": SECRET, **UNBOUNDED}
    async with ServiceProcess("ingress", nats_url, home, settings):
        url = f"http://127.0.0.1:{port}"
        async with asyncio.timeout(READY_SECONDS):
            while not await asyncio.to_thread(_is_ready, url):
                await asyncio.sleep(0.05)
        yield url


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
