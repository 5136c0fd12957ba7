"""`/healthz`, `/readyz` and `/metrics` of a service with an HTTP server: one answer to each question."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.bus.port import Bus, BusDown
from libs.telemetry.metrics import Metrics

READY_SECONDS = 2.0
"""Shorter than a probe's usual deadline."""
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


Ready = Callable[[], Awaitable[Mapping[str, object]]]


class NotReady(Exception):
    """The process lives and cannot do its work; `hint` says where to look."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


def health_routes(bus: Bus, metrics: Metrics, more: Callable[[], Mapping[str, object]] = dict) -> list[Route]:
    """`/healthz` says that the process lives, `/readyz` that the bus answers it, with what `more` has to add."""

    async def ready() -> Mapping[str, object]:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await bus.round_trip()
        except (BusDown, TimeoutError) as error:
            why = str(error) or f"the bus did not answer within {READY_SECONDS:.0f} s"
            raise NotReady(why, "is NATS up, and NATS_URL right?") from error
        return more()

    return probe_routes(ready, metrics)


def probe_routes(ready: Ready, metrics: Metrics) -> list[Route]:
    """The same for whatever `ready` looks at; it raises NotReady."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        try:
            return JSONResponse({"status": "ready", **await ready()})
        except NotReady as error:
            content = {"status": "not ready", "why": str(error), "hint": error.hint}
            return JSONResponse(content, 503, {"retry-after": "1"})

    async def exposition(_: Request) -> Response:
        return Response(metrics.text(), media_type=EXPOSITION)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposition)]
