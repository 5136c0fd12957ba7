"""The paths: `/webhook` bare, the operator's three by Starlette; before all of them the bound on one source.

`/healthz` says that the process lives, `/readyz` that a delivery sent now would be stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from libs.bus.port import Bus
from libs.health import health_routes
from libs.telemetry.metrics import Metrics
from services.ingress.body import Receive, Scope, Send
from services.ingress.metrics import Counts
from services.ingress.rate import Buckets, Network, source_of
from services.ingress.webhook import Answer, Webhook, reply_unread

UNLIMITED = "/healthz"
"""A probe that is refused would have a healthy process restarted under load."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """The ASGI application. `monotonic` is a clock in seconds."""

    webhook: Webhook
    operations: Starlette
    buckets: Buckets
    proxies: tuple[Network, ...]
    counts: Counts
    monotonic: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        wait = 0.0 if path == UNLIMITED else self.buckets.take(self._source(scope), self.monotonic())
        if wait > 0:
            self.counts.answered("rate")
            await reply_unread(send, receive, _too_often(wait))
        elif path == "/webhook":
            await self.webhook(scope, receive, send)
        else:
            await self.operations(scope, receive, send)

    def _source(self, scope: Scope) -> str:
        peer: str = (scope.get("client") or ("unix",))[0]
        if not self.proxies:
            return source_of(peer, "", ())
        forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        return source_of(peer, forwarded.decode("latin-1"), self.proxies)


def _too_often(wait_seconds: float) -> Answer:
    message = "too many requests from this address: wait, or raise FIREBREAK_INGRESS_RATE"
    return Answer(429, {"error": "rate", "message": message}, math.ceil(wait_seconds), unread=True)


def operations(bus: Bus, metrics: Metrics) -> Starlette:
    async def nothing(request: Request, _: Exception) -> Response:
        message = "there is POST /webhook, and GET /healthz, /readyz and /metrics"
        return JSONResponse({"error": "not_found", "message": message, "path": request.url.path}, 404)

    return Starlette(routes=health_routes(bus, metrics), exception_handlers={404: nothing})
