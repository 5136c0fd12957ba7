"""The door as GitHub meets it: a real server on a free port, the bus and the blobs in memory."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec
import pytest

from libs.blobs.memory import MemoryBlobs
from libs.bus.memory import MemoryBus
from libs.bus.port import BusDown
from libs.contracts import subjects
from libs.contracts.delivery import DeliveryReceived
from libs.contracts.envelope import Commit, decode_commit
from libs.contracts.ids import DeliveryGuid
from libs.environment import BadSetting
from libs.github.signature import sign
from libs.process import Process
from libs.settings import read_settings
from libs.web import serve_http
from services.ingress.__main__ import ingress, serve
from services.ingress.body import MAX_BODY_BYTES

SECRET = "correct horse battery staple"
BODY = json.dumps({"zen": "Non-blocking is better than blocking.", "number": 1}).encode()


class SilentBus(MemoryBus):
    """A bus that nobody answers at."""

    async def append(self, commit: Commit, *, expected: int | None) -> int:
        raise BusDown("no answer")

    async def round_trip(self) -> None:
        raise BusDown("no answer")


class Door:
    """A client of one running ingress."""

    def __init__(self, process: Process, client: httpx.AsyncClient) -> None:
        self.process, self.client = process, client

    async def send(
        self, body: bytes = BODY, /, guid: str | None = None, event: str = "ping", **headers: str
    ) -> httpx.Response:
        given = {
            "x-hub-signature-256": sign(SECRET.encode(), body),
            "x-github-event": event,
            "x-github-delivery": guid or str(uuid4()),
            "content-type": "application/json",
        }
        return await self.client.post("/webhook", content=body, headers=given | headers)

    async def stored(self, guid: str) -> list[DeliveryReceived]:
        messages = await self.process.bus.load(subjects.delivery(DeliveryGuid(guid)))
        commits = [decode_commit(message.data) for message in messages]
        return [msgspec.json.decode(event, type=DeliveryReceived) for commit in commits for event in commit.events]


def make_process(tmp_path: Path, bus: MemoryBus | None = None, /, **environment: str) -> Process:
    settings = read_settings({"FIREBREAK_HOME": str(tmp_path), "GITHUB_WEBHOOK_SECRET": SECRET, **environment})
    return Process(replace(settings, port=0), bus or MemoryBus(), MemoryBlobs())


@asynccontextmanager
async def opened(process: Process) -> AsyncGenerator[Door]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = ingress(process, SECRET.encode())
    task = asyncio.create_task(serve_http(app, "127.0.0.1", 0, ready=port.set_result))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=30) as client:
            yield Door(process, client)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def door(tmp_path: Path) -> AsyncGenerator[Door]:
    async with opened(make_process(tmp_path)) as running:
        yield running


async def test_a_signed_delivery_is_stored_and_then_answered(door: Door) -> None:
    guid = str(uuid4())
    answer = await door.send(guid=guid, **{"x-github-hook-id": "7"})
    assert (answer.status_code, answer.json()) == (202, {"delivery": guid, "status": "accepted"})
    (delivery,) = await door.stored(guid)
    assert (delivery.guid, delivery.event, delivery.size, delivery.hook_id) == (guid, "ping", len(BODY), "7")
    assert delivery.body is not None
    assert zlib.decompress(delivery.body) == BODY


async def test_a_redelivery_is_known(door: Door) -> None:
    guid = str(uuid4())
    assert (await door.send(guid=guid)).status_code == 202
    again = await door.send(guid=guid.upper())
    assert again.status_code == 200
    assert again.json()["message"] == "already have it"
    assert len(await door.stored(guid)) == 1


async def test_twenty_at_once_are_one(door: Door) -> None:
    guid = str(uuid4())
    answers = await asyncio.gather(*(door.send(guid=guid) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len(await door.stored(guid)) == 1


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-hub-signature-256": "sha256=" + "0" * 64}, 401),
        ({"x-github-event": ""}, 400),
        ({"x-github-delivery": "42"}, 400),
    ],
)
async def test_refusals_say_what_and_what_to_do(door: Door, headers: dict[str, str], status: int) -> None:
    answer = await door.send(**headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "message"}


async def test_no_signature_at_all(door: Door) -> None:
    assert (await door.client.post("/webhook", content=BODY)).status_code == 401


async def test_truncated_json(door: Door) -> None:
    answer = await door.send(BODY[:-3])
    assert (answer.status_code, answer.json()["error"]) == (400, "not_json")


async def test_a_body_that_says_that_it_is_too_large(door: Door) -> None:
    answer = await door.send(b"x" * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_a_body_that_does_not_say_how_large_it_is(door: Door) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        for _ in range(26):
            yield b"x" * 1024 * 1024

    answer = await door.client.post("/webhook", content=endless(), headers={"x-github-event": "push"})
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


async def test_the_size_comes_before_the_signature(door: Door) -> None:
    answer = await door.send(b"x" * (MAX_BODY_BYTES + 1), **{"x-hub-signature-256": "sha256=0"})
    assert answer.status_code == 413


async def test_a_large_body_is_a_blob(door: Door) -> None:
    body = json.dumps({"noise": [str(uuid4()) for _ in range(60_000)]}).encode()
    guid = str(uuid4())
    assert (await door.send(body, guid=guid)).status_code == 202
    (delivery,) = await door.stored(guid)
    assert delivery.body is None
    assert delivery.body_blob is not None
    assert zlib.decompress(await door.process.blobs.get(delivery.body_blob)) == body


async def test_the_largest_body_that_github_sends(door: Door) -> None:
    body = b'{"a":"' + b"x" * (MAX_BODY_BYTES - 8) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert (await door.send(body)).status_code == 202


async def test_a_form(door: Door) -> None:
    body = str(httpx.QueryParams({"payload": BODY.decode()})).encode()
    guid = str(uuid4())
    assert (
        await door.send(body, guid=guid, **{"content-type": "application/x-www-form-urlencoded"})
    ).status_code == 202
    (delivery,) = await door.stored(guid)
    assert zlib.decompress(delivery.body or b"") == BODY


async def test_without_a_bus_nothing_is_accepted(tmp_path: Path) -> None:
    async with opened(make_process(tmp_path, SilentBus())) as door:
        answer, ready, health = await asyncio.gather(
            door.send(), door.client.get("/readyz"), door.client.get("/healthz")
        )
        assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (ready.status_code, health.status_code) == (503, 200)
        assert ready.json()["why"] == "no answer"


async def test_health_readiness_and_metrics(door: Door) -> None:
    assert (await door.client.get("/healthz")).json() == {"status": "alive"}
    assert (await door.client.get("/readyz")).json() == {"status": "ready"}
    await door.send()
    metrics = (await door.client.get("/metrics")).text
    assert 'firebreak_ingress_answers_total{outcome="stored"} 1.0' in metrics


async def test_other_paths_and_methods(door: Door) -> None:
    assert (await door.client.get("/webhook")).status_code == 405
    assert (await door.client.get("/")).status_code == 404
    assert (await door.client.post("/healthz")).status_code == 405


async def test_one_source_has_a_bound(tmp_path: Path) -> None:
    environment = {"FIREBREAK_INGRESS_RATE": "1", "FIREBREAK_INGRESS_BURST": "3"}
    async with opened(make_process(tmp_path, **environment)) as door:
        answers = [await door.send() for _ in range(5)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await door.client.get("/healthz")).status_code == 200


async def test_behind_a_trusted_proxy_each_client_has_its_own_bound(tmp_path: Path) -> None:
    environment = {
        "FIREBREAK_INGRESS_RATE": "1",
        "FIREBREAK_INGRESS_BURST": "1",
        "FIREBREAK_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    async with opened(make_process(tmp_path, **environment)) as door:
        sources = ["198.51.100.1", "198.51.100.2", "198.51.100.1"]
        answers = [await door.send(**{"x-forwarded-for": source}) for source in sources]
        assert [answer.status_code for answer in answers] == [202, 202, 429]


async def test_the_trace_of_the_sender_is_continued(door: Door) -> None:
    guid = str(uuid4())
    trace = "0af7651916cd43dd8448eb211c80319c"
    await door.send(guid=guid, traceparent=f"00-{trace}-b7ad6b7169203331-01")
    (message,) = await door.process.bus.load(subjects.delivery(DeliveryGuid(guid)))
    assert trace in message.headers["traceparent"]


async def test_without_a_secret_it_does_not_start(tmp_path: Path) -> None:
    settings = read_settings({"FIREBREAK_HOME": str(tmp_path)})
    with pytest.raises(BadSetting, match="GITHUB_WEBHOOK_SECRET"):
        await serve(Process(settings, MemoryBus(), MemoryBlobs()))


async def test_a_port_that_is_taken_is_a_clear_error(door: Door, tmp_path: Path) -> None:
    taken = door.client.base_url.port
    process = make_process(tmp_path)
    busy = Process(replace(process.settings, port=taken or 0), process.bus, process.blobs)
    with pytest.raises(BadSetting, match="cannot listen"):
        await serve(busy)


async def test_memory_is_given_back(tmp_path: Path) -> None:
    process = make_process(tmp_path)
    app = ingress(process, SECRET.encode())
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_http(app, "127.0.0.1", 0, ready=port.set_result))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=30) as client:
        door = Door(process, client)
        await asyncio.gather(door.send(), door.send(b"x" * 3_000_000), door.send(b"x" * (MAX_BODY_BYTES + 1)))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert app.webhook.memory.used == 0
