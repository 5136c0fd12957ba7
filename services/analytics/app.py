"""The paths of the endpoint: a question, how to ask, whether it lives. What is in hand is bounded, and its time too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from libs.analytics.question import PIECE_BYTES, Fault, Question, Refused
from libs.analytics.snapshot import NoSnapshot, newest_snapshot, snapshot_number
from libs.health import NotReady, probe_routes
from libs.server_names import is_ours, names_of
from libs.settings import Settings
from libs.telemetry.metrics import Metrics
from services.analytics.answerers import Answered, Answerers, Busy
from services.analytics.asked_for import MEDIA, check_token, question
from services.analytics.page import page

IN_HAND = 8
"""Questions that wait, run or are being sent. Times the largest answer it is what their texts take of memory."""
SEND_SECONDS = 60.0
"""For the whole answer: whoever reads slower has his connection closed."""
STATUS: dict[Fault, int] = {"statement": 400, "work": 422, "time": 408, "snapshot": 503}
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def application(answerers: Answerers, settings: Settings, metrics: Metrics) -> Starlette:
    desk = _Desk(answerers, settings, metrics)
    routes = [
        Route("/", desk.page),
        Route("/sql", desk.sql, methods=["GET", "POST"]),
        *probe_routes(desk.ready, metrics),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refused, ClientDisconnect: _left})


class _Desk:
    def __init__(self, answerers: Answerers, settings: Settings, metrics: Metrics) -> None:
        self._answerers, self._token, self._names = answerers, settings.analytics_token, names_of(settings)
        self._seconds = settings.analytics_seconds
        self._in_hand = 0
        self._counted = metrics.counter("firebreak_analytics_questions", "Questions by how they ended.", ["ended"])

    async def sql(self, request: Request) -> Response:
        self._check(request)
        asked = await question(request, self._seconds)
        if self._in_hand >= IN_HAND:
            self._counted.labels("turned_away").inc()
            raise HTTPException(429, f"{IN_HAND} questions are in hand; ask again in a moment", {"retry-after": "1"})
        self._in_hand += 1
        try:
            result = await self._while_connected(request, asked)
        except BaseException as error:
            self._in_hand -= 1
            if isinstance(error, Busy):
                self._counted.labels("turned_away").inc()
                raise HTTPException(503, str(error), {"retry-after": "10"}) from error
            raise
        if isinstance(result, Refused):
            self._in_hand -= 1
            self._counted.labels(result.fault).inc()
            headers = {"retry-after": "5"} if result.fault == "snapshot" else {}
            return _error(STATUS[result.fault], result.message, headers)
        self._counted.labels("answered").inc()
        return _Sent(result, MEDIA[asked.form], self._sent)

    async def page(self, request: Request) -> Response:
        self._check(request)
        return PlainTextResponse(page(self._answerers.folder, self._seconds), headers=HEADERS)

    async def ready(self) -> Mapping[str, object]:
        try:
            return {"snapshot": snapshot_number(newest_snapshot(self._answerers.folder))}
        except NoSnapshot as error:
            raise NotReady(str(error), "the learner publishes one within seconds of the first event") from error

    def _check(self, request: Request) -> None:
        if not is_ours(request.headers.get("host", ""), self._names):
            raise HTTPException(421, "not under this name: use FIREBREAK_PUBLIC_URL's, or the IP address")
        check_token(request, self._token)

    def _sent(self) -> None:
        self._in_hand -= 1

    async def _while_connected(self, request: Request, asked: Question) -> Answered | Refused:
        """The answer; a question whose asker has left is ended. Raises ClientDisconnect."""
        answer = asyncio.ensure_future(self._answerers.answer(asked))
        left = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({answer, left}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            self._counted.labels("left").inc()
            raise ClientDisconnect
        finally:
            answer.cancel()
            left.cancel()
            await asyncio.gather(answer, left, return_exceptions=True)


class _Sent(StreamingResponse):
    """An answer in pieces, so that a slow reader is noticed; `sent` is told when it is over, however."""

    def __init__(self, answered: Answered, media: str, sent: Callable[[], None]) -> None:
        headers = {
            **HEADERS,
            "content-length": str(len(answered.text)),
            "firebreak-snapshot": str(answered.begun.snapshot),
            "firebreak-snapshot-time": answered.begun.published_at,
            "firebreak-cut": "true" if answered.cut else "false",
        }
        super().__init__(_pieces(answered.text), media_type=media, headers=headers)
        self._told = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await super().__call__(scope, receive, send)
        finally:
            self._told()


async def _pieces(text: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(text), PIECE_BYTES):
        yield text[start : start + PIECE_BYTES]


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(_: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)
    return _error(refusal.status_code, refusal.detail, refusal.headers or {})


async def _left(_: Request, __: Exception) -> Response:
    return _error(499, "the client left", {})


def _error(status: int, message: str, headers: Mapping[str, str]) -> Response:
    return JSONResponse({"error": status, "message": message}, status, {**HEADERS, **headers})
