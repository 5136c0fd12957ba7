"""infra/nginx/firebreak.conf in a real nginx, in front of a real ingress: signed requests, large ones, live logs.

Only names, ports and the certificate's place are changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.ids import DeliveryGuid
from libs.github.signature import sign
from libs.process import Process
from libs.settings import read_settings
from libs.web import serve_http
from services.ingress.__main__ import ingress
from tests.contract.infra.programs import ROOT, program

SECRET = "correct horse battery staple"
NAME = "ci.example.org"
CONFIG = ROOT / "infra" / "nginx" / "firebreak.conf"
ANSWER_SECONDS = 20
STOP_SECONDS = 10
MIB = 1024 * 1024

App = Callable[..., Awaitable[None]]


def _free_ports(count: int) -> list[int]:
    """Different ones: they are held until all are known."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _certificate(folder: Path) -> None:
    command = [
        program("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem"), "-days", "2"]
    command += ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True, timeout=ANSWER_SECONDS)


def _configured(folder: Path, ports: tuple[int, int, int, int]) -> Path:
    """Ours, inside the least that nginx needs around it. Ports: http, https, ingress, console."""
    http, https, front, console = ports
    ours = CONFIG.read_text().replace(f"/etc/letsencrypt/live/{NAME}", str(folder))
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{http};"),
        ("listen 443 ", f"listen 127.0.0.1:{https} "),
        ("127.0.0.1:3000", f"127.0.0.1:{front}"),
        ("127.0.0.1:3001", f"127.0.0.1:{console}"),
        # One that says what it was asked stands for analytics, too.
        ("127.0.0.1:3002", f"127.0.0.1:{console}"),
    ):
        assert old in ours
        ours = ours.replace(old, new)
    (folder / "firebreak.conf").write_text(ours)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    whole = folder / "nginx.conf"
    whole.write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nworker_processes 1;\nevents {{}}\n"
        f"http {{ access_log off;\n{temporary}include {folder}/firebreak.conf;\n}}\n"
    )
    if os.getuid() == 0:
        whole.write_text("user root;\n" + whole.read_text())
    return whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _certificate(tmp_path)
    return tmp_path


def test_nginx_accepts_the_file(folder: Path) -> None:
    config = _configured(folder, (8080, 8443, 3000, 3001))
    command = [program("nginx"), "-t", "-c", str(config), "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


@dataclass(frozen=True)
class Front:
    """nginx with an ingress behind it; `http` and `https` are its ports."""

    bus: Bus
    client: httpx.AsyncClient
    http: int
    https: int

    async def send(self, body: bytes, guid: str, **headers: str) -> httpx.Response:
        given = {
            "host": NAME,
            "x-hub-signature-256": sign(SECRET.encode(), body),
            "x-github-event": "ping",
            "x-github-delivery": guid,
            "content-type": "application/json",
        }
        return await self.client.post("/webhook", content=body, headers=given | headers)


def _process(tmp_path: Path, rate: int) -> Process:
    environment = {
        "FIREBREAK_HOME": str(tmp_path),
        "GITHUB_WEBHOOK_SECRET": SECRET,
        "FIREBREAK_TRUSTED_PROXIES": "127.0.0.1",
        "FIREBREAK_INGRESS_RATE": "1",
        "FIREBREAK_INGRESS_BURST": str(rate),
    }
    return Process(replace(read_settings(environment), port=0), MemoryBus(), MemoryBlobs())


@asynccontextmanager
async def fronted(folder: Path, console: App, burst: int = 1000) -> AsyncGenerator[Front]:
    nginx = program("nginx")
    process = _process(folder / "home", burst)
    loop = asyncio.get_running_loop()
    doors: list[asyncio.Future[int]] = [loop.create_future(), loop.create_future()]
    apps: list[App] = [ingress(process, SECRET.encode()), console]
    tasks = [
        asyncio.create_task(serve_http(app, "127.0.0.1", 0, ready=door.set_result))
        for app, door in zip(apps, doors, strict=True)
    ]
    try:
        http, https = _free_ports(2)
        config = _configured(folder, (http, https, await doors[0], await doors[1]))
        server = await asyncio.create_subprocess_exec(nginx, "-c", str(config), "-p", str(folder), "-g", "daemon off;")
        try:
            await _listening(https)
            trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
            base = f"https://127.0.0.1:{https}"
            async with httpx.AsyncClient(base_url=base, verify=trust, timeout=ANSWER_SECONDS) as client:
                yield Front(process.bus, client, http, https)
        finally:
            server.terminate()
            await asyncio.wait_for(server.wait(), STOP_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listening(port: int) -> None:
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


async def echo(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Stands for the console: says what it was asked."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    body = json.dumps({"path": scope["path"], "host": headers.get("host"), "for": headers.get("x-forwarded-for")})
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body.encode()})


async def test_a_signed_delivery_is_stored_and_a_forged_one_is_not(folder: Path) -> None:
    async with fronted(folder, echo) as front:
        guid, forged = str(uuid4()), str(uuid4())
        accepted = await front.send(b'{"zen":"Keep it logically awesome."}', guid)
        assert (accepted.status_code, accepted.json()["status"]) == (202, "accepted")
        assert len(await front.bus.load(subjects.delivery(DeliveryGuid(guid)))) == 1
        refused = await front.send(b"{}", forged, **{"x-hub-signature-256": sign(b"another", b"{}")})
        assert refused.status_code == 401
        assert not await front.bus.load(subjects.delivery(DeliveryGuid(forged)))


async def test_githubs_largest_delivery_gets_through_and_a_larger_one_is_refused(folder: Path) -> None:
    async with fronted(folder, echo) as front:
        body = b'{"a":"' + b"x" * (25 * MIB - 8) + b'"}'
        assert (await front.send(body, str(uuid4()))).status_code == 202
        ours = await front.send(body + b" " * 4096, str(uuid4()))
        assert (ours.status_code, ours.headers["content-type"]) == (413, "application/json")
        assert (await front.send(b"x" * (26 * MIB + 1), str(uuid4()))).status_code == 413


async def test_everything_else_goes_to_the_console_under_the_name_that_was_asked_for(folder: Path) -> None:
    async with fronted(folder, echo) as front:
        headers = {"host": NAME, "x-forwarded-for": "192.0.2.66"}
        seen = (await front.client.get("/runs/1", headers=headers)).json()
        assert seen == {"path": "/runs/1", "host": NAME, "for": "127.0.0.1"}
        assert (await front.client.get("/metrics", headers=headers)).status_code == 404


async def test_sql_goes_to_analytics_and_no_statement_is_longer_than_it_takes(folder: Path) -> None:
    async with fronted(folder, echo) as front:
        seen = (await front.client.post("/sql", content=b"SELECT 1", headers={"host": NAME})).json()
        assert (seen["path"], seen["host"]) == ("/sql", NAME)
        assert (await front.client.post("/sql", content=b"x" * 256 * 1024 + b"x")).status_code == 413


async def test_a_source_cannot_name_itself_another_to_get_around_the_bound(folder: Path) -> None:
    async with fronted(folder, echo, burst=3) as front:
        forged = [{"x-forwarded-for": f"192.0.2.{number}"} for number in range(8)]
        codes = [(await front.send(b"{}", str(uuid4()), **headers)).status_code for headers in forged]
        assert 429 in codes


async def test_http_2_is_offered_and_plain_http_leads_to_https(folder: Path) -> None:
    async with fronted(folder, echo) as front:
        trust = ssl.create_default_context(cafile=str(folder / "fullchain.pem"))
        trust.set_alpn_protocols(["h2", "http/1.1"])
        _, writer = await asyncio.open_connection("127.0.0.1", front.https, ssl=trust, server_hostname=NAME)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        writer.close()
        async with httpx.AsyncClient() as plain:
            moved = await plain.get(f"http://127.0.0.1:{front.http}/runs/1", headers={"host": NAME})
        assert (moved.status_code, moved.headers["location"]) == (301, f"https://{NAME}/runs/1")


async def test_a_line_of_a_live_log_arrives_before_the_next_one_is_written(folder: Path) -> None:
    more = asyncio.Event()

    async def live(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"data: one\n\n", "more_body": True})
        await more.wait()
        await send({"type": "http.response.body", "body": b"data: two\n\n"})

    async with (
        asyncio.timeout(ANSWER_SECONDS),
        fronted(folder, live) as front,
        front.client.stream("GET", "/runs/1/live", headers={"host": NAME}) as response,
    ):
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"data: one\n\n"
        more.set()
        assert b"".join([chunk async for chunk in chunks]) == b"data: two\n\n"


def test_the_bound_on_a_body_is_a_little_above_githubs() -> None:
    assert re.search(r"client_max_body_size 26m;", CONFIG.read_text())
