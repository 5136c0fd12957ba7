"""`POST /webhook`, as a bare ASGI application: it is the one path whose speed is a promise.

Size, signature, headers, JSON, store: in this order, and every answer is a JSON object that says what happened.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from libs.bus.port import BusDown
from libs.telemetry import log, trace
from services.ingress import body
from services.ingress.admission import Admitted, Refused, admit
from services.ingress.body import Memory, Receive, Scope, Send
from services.ingress.metrics import Counts
from services.ingress.store import DeliveryStore

RETRY_AFTER_SECONDS = 5
"""What an answer 503 advises: a bus that restarts is back by then."""
THREAD_BYTES = 1024 * 1024
"""A signature over more than this takes over 1 ms: it is verified off the event loop."""

_log = log.get("ingress")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: dict[str, str]
    retry_after_seconds: int | None = None
    unread: bool = False
    """The client may still be sending: its body was not read to the end."""


@dataclass(frozen=True, slots=True)
class Webhook:
    store: DeliveryStore
    secret: bytes
    counts: Counts
    memory: Memory = field(default_factory=Memory)
    _requests: itertools.count[int] = field(default_factory=itertools.count)
    _boot: str = field(default_factory=lambda: os.urandom(8).hex())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await reply(send, Answer(405, {"error": "method", "message": "a webhook is sent by POST"}))
            return
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        try:
            with trace.continued(_text_headers(headers)):
                answer = await self._answer(headers, receive)
        except body.Gone:
            self.counts.answered("gone")
            return
        await (reply_unread(send, receive, answer) if answer.unread else reply(send, answer))

    async def _answer(self, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        refused = body.refuse_declared(headers)
        read = refused if refused is not None else await body.read(receive, self.memory)
        if isinstance(read, Refused):
            return self._refusal(read, unread=True)
        try:
            return await self._read(headers, read)
        finally:
            self.memory.used -= len(read)

    async def _read(self, headers: Mapping[bytes, bytes], payload: bytes) -> Answer:
        if len(payload) < THREAD_BYTES:
            admitted = admit(headers, payload, self.secret)
        else:
            admitted = await asyncio.to_thread(admit, headers, payload, self.secret)
        if isinstance(admitted, Refused):
            return self._refusal(admitted)
        return await self._store(admitted)

    async def _store(self, delivery: Admitted) -> Answer:
        try:
            outcome = await self.store.put(delivery, f"{self._boot}-{next(self._requests)}")
        except (BusDown, OSError) as error:
            self.counts.answered("unavailable")
            _log.error("a delivery could not be stored", guid=delivery.guid, why=error)
            message = "the delivery could not be stored: redeliver it from the webhook's page on GitHub"
            return Answer(503, {"error": "unavailable", "message": message}, RETRY_AFTER_SECONDS)
        self.counts.answered(outcome)
        if outcome == "known":
            return Answer(200, {"delivery": delivery.guid, "status": "known", "message": "already have it"})
        return Answer(202, {"delivery": delivery.guid, "status": "accepted"})

    def _refusal(self, refused: Refused, *, unread: bool = False) -> Answer:
        self.counts.answered(refused.error)
        retry = RETRY_AFTER_SECONDS if refused.status == 503 else None
        return Answer(refused.status, {"error": refused.error, "message": refused.message}, retry, unread)


def _text_headers(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    given = headers.get(trace.HEADER.encode())
    return {} if given is None else {trace.HEADER: given.decode("latin-1")}


async def reply(send: Send, answer: Answer) -> None:
    await _begin(send, answer, more=False)


async def reply_unread(send: Send, receive: Receive, answer: Answer) -> None:
    """Answers first and then drops what the client is still sending: it would not read the answer before it has."""
    await _begin(send, answer, more=True)
    await body.discard(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _begin(send: Send, answer: Answer, *, more: bool) -> None:
    content = msgspec.json.encode(answer.content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    if answer.retry_after_seconds is not None:
        headers.append((b"retry-after", str(answer.retry_after_seconds).encode()))
    if answer.status == 405:
        headers.append((b"allow", b"POST"))
    if answer.unread:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": more})
