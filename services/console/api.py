"""The same as JSON, for scripts: names are part of the contract and are only added to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from libs.contracts.results import Result
from libs.views.summary import summary
from services.console import asked
from services.console.pages import Pages
from services.console.rows import RunRow


class RunItem(msgspec.Struct):
    """A run in a list: a `RunSummary` without its jobs, and what the list can be filtered by."""

    run_id: int
    run_attempt: int
    run_number: int
    repository: str
    workflow: str
    path: str
    title: str
    event: str
    sha: str
    ref: str
    branch: str
    actor: str
    trust: str
    pull_request: int | None
    state: str
    conclusion: Result | None
    why: str
    steps_run: int
    planned: datetime | None
    started: datetime | None
    finished: datetime | None
    cause: str


class RunItems(msgspec.Struct):
    """`next` is the address of the older ones, null where there are none."""

    runs: list[RunItem]
    next: str | None


@dataclass(frozen=True, slots=True)
class Api:
    pages: Pages

    async def runs(self, request: Request) -> Response:
        wanted = asked.run_filter(request)
        found = await asyncio.to_thread(self.pages.queries.runs, wanted)
        rows = found[: wanted.limit]
        more = len(found) > len(rows)
        following = f"/api/runs?{asked.query_of(wanted, before=rows[-1].first_seq)}" if more else None
        return _json(RunItems([_item(row) for row in rows], following))

    async def run(self, request: Request) -> Response:
        return _json(summary(await self.pages.view(request)))


def _item(row: RunRow) -> RunItem:
    values = {name: getattr(row, name) for name in RunItem.__struct_fields__ if name != "run_number"}
    return RunItem(run_number=row.number, **values)


def _json(value: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
