"""The paths of the console, and what is answered where something is wrong: a page to people, JSON to scripts."""

from __future__ import annotations

from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from libs.blobs.port import BlobsDown
from libs.bus.port import Bus, BusDown
from libs.health import health_routes
from libs.server_names import names_of
from libs.settings import Settings
from libs.telemetry.metrics import Metrics
from services.console.api import Api
from services.console.pages import Pages
from services.console.security import Guarded
from services.console.templating import STATIC, Templates

HINTS = {
    404: "The list of runs shows what there is.",
    503: "It comes back by itself as soon as NATS and the blob store answer; `firebreak doctor` says what is wrong.",
}


def application(pages: Pages, bus: Bus, metrics: Metrics, settings: Settings) -> Guarded:
    api = Api(pages)
    job = "/runs/{run_id}/jobs/{key}"
    routes = [
        Route("/", pages.run_list),
        Route("/runs/{run_id}", pages.run_page),
        Route("/runs/{run_id}/live", pages.live_run),
        Route(job, pages.job_page),
        Route(job + "/{n:int}/live", pages.live_log),
        Route(job + "/{n:int}/log.txt", pages.raw_log),
        Route(job + "/{n:int}/steps/{step:int}/summary.txt", pages.summary),
        Route("/intake", pages.intake),
        Route("/api/runs", api.runs),
        Route("/api/runs/{run_id}", api.run),
        *health_routes(bus, metrics, lambda: _position(pages)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    errors = _Errors(pages.templates)
    handlers = {HTTPException: errors.refused, BusDown: errors.down, BlobsDown: errors.down}
    return Guarded(Starlette(routes=routes, exception_handlers=handlers), names_of(settings))


def _position(pages: Pages) -> dict[str, object]:
    """Whether it shows what the bus has, or is on its way there."""
    return {"live": pages.reader.live.is_set(), "position": pages.reader.position}


class _Errors:
    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def refused(self, request: Request, error: Exception) -> Response:
        refusal = cast(HTTPException, error)
        return self._answer(request, refusal.status_code, refusal.detail)

    async def down(self, request: Request, error: Exception) -> Response:
        return self._answer(request, 503, f"this cannot be read now: {error}")

    def _answer(self, request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": status, "message": message}, status)
        return self._templates.page("error.html", status, code=status, message=message, hint=HINTS.get(status, ""))
