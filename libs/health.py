"""`/healthz`, `/readyz` and `/metrics` of a service with an HTTP server: one answer to each question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.bus.port import Bus, BusDown
from libs.telemetry.metrics import Metrics

READY_SECONDS = 2.0
"""Shorter than a probe's usual deadline."""
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


def health_routes(bus: Bus, metrics: Metrics, more: Callable[[], Mapping[str, object]] = dict) -> list[Route]:
    """`/healthz` says that the process lives, `/readyz` that the bus answers it, with what `more` has to add."""

    async def healthz(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_: Request) -> Response:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await bus.round_trip()
        except (BusDown, TimeoutError) as error:
            why = str(error) or f"the bus did not answer within {READY_SECONDS:.0f} s"
            content = {"status": "not ready", "why": why, "hint": "is NATS up, and NATS_URL right?"}
            return JSONResponse(content, 503, {"retry-after": "1"})
        return JSONResponse({"status": "ready", **more()})

    async def exposition(_: Request) -> Response:
        return Response(metrics.text(), media_type=EXPOSITION)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposition)]
