"""The pages: a list of runs, a run, a job's log, and what became of deliveries that led to nothing. Read-only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import cast
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from libs.bus.port import Bus, BusDown
from libs.contracts.ids import JobKey
from libs.insights import read_insights
from libs.views.known import known_of
from libs.views.run import AttemptView, JobView, RunView
from libs.views.words import quoted
from services.console import asked
from services.console.changes import Hub
from services.console.live import EventStream, Seats, log_events, run_events
from services.console.logs import PAGE_LINES, Line, Logs, Window
from services.console.queries import PAGE_INTAKES, Queries
from services.console.reading import Reader
from services.console.runs import Runs, Tried, tried
from services.console.templating import Templates
from services.console.words import step_title


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of one step in a log; `anchor` is empty where the step had lines before."""

    title: str
    anchor: str
    step: int
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class LogParts:
    """What is shown of a log, and the addresses of its other parts; an empty one is not there.

    `after` is the number of the last line shown, from where `live` goes on.
    """

    sections: Sequence[Section] = ()
    earlier: str = ""
    later: str = ""
    live: str = ""
    raw: str = ""
    after: int = -1


@dataclass(frozen=True, slots=True)
class Pages:
    queries: Queries
    runs: Runs
    logs: Logs
    hub: Hub
    seats: Seats
    reader: Reader
    bus: Bus
    templates: Templates

    async def run_list(self, request: Request) -> Response:
        wanted = asked.run_filter(request)
        found = await asyncio.to_thread(self.queries.runs, wanted)
        rows = found[: wanted.limit]
        choices = await asyncio.to_thread(self.queries.choices)
        return self.templates.page(
            "runs.html",
            runs=rows,
            wanted=wanted,
            filtered=asked.query_of(wanted, before=None) != "",
            choices=choices,
            states=asked.STATES,
            first=f"/?{asked.query_of(wanted, before=None)}" if wanted.before is not None else "",
            next=f"/?{asked.query_of(wanted, before=rows[-1].first_seq)}" if len(found) > len(rows) else "",
            reading="" if self.reader.live.is_set() else str(self.reader.position),
            now=datetime.now(UTC),
        )

    async def run_page(self, request: Request) -> Response:
        view = await self.view(request)
        row = await asyncio.to_thread(self.queries.run, view.run_id)
        beside = await asyncio.to_thread(self.queries.intakes_of, view.cause)
        rejected = [each for each in beside if each.kind == "rejected"]
        return self.templates.page(
            "run.html",
            run=view,
            row=row,
            rejected=rejected,
            jobs=view.in_order(),
            known=await self._known(view),
            now=datetime.now(UTC),
        )

    async def _known(self, view: RunView) -> dict[JobKey, list[str]]:
        """What was learned about each job; nothing while the bus does not answer: the page has the rest."""
        if view.plan is None:
            return {}
        try:
            found = await read_insights(self.bus, view.run_id, view.plan.repository.id)
        except BusDown:
            return {}
        now = datetime.now(UTC)
        return {key: known_of(view, job, found, now, quoted) for key, job in view.jobs.items()}

    async def job_page(self, request: Request) -> Response:
        view, job = await self.job(request)
        number = asked.number(request, "attempt", 0)
        attempt = asked.attempt(job, number or None)
        start = max(0, asked.number(request, "from", 0)) if request.query_params.get("from") else None
        window = Window([], 0, 0)
        if attempt is not None:
            window = await self.logs.window(tried(view, attempt, job.key), attempt, start)
        parts = _log_parts(view, job, attempt, window)
        return self.templates.page(
            "job.html", run=view, job=job, attempt=attempt, window=window, log=parts, now=datetime.now(UTC)
        )

    async def intake(self, request: Request) -> Response:
        kind = asked.intake_kind(request)
        repository = request.query_params.get("repository", "").strip()[: asked.MAX_TEXT]
        found = await asyncio.to_thread(self.queries.intakes, kind, repository, asked.place(request, "before"))
        rows = found[:PAGE_INTAKES]
        more = len(found) > len(rows)
        return self.templates.page(
            "intake.html",
            rows=rows,
            kind=kind or "",
            kinds=asked.KINDS,
            repository=repository,
            next=_next_intake(kind or "", repository, rows[-1].seq, rows[-1].place) if more else "",
        )

    async def raw_log(self, request: Request) -> Response:
        where, attempt = await self.tried(request)
        name = f"{where.run_id}-{where.job}-{where.n}.txt"
        return StreamingResponse(
            _raw(self.logs, where, attempt),
            media_type="text/plain",
            headers={"content-disposition": f"inline; filename*=UTF-8''{quote(name)}"},
        )

    async def summary(self, request: Request) -> Response:
        """What a step wrote to `$GITHUB_STEP_SUMMARY`, as text: Markdown of hostile code is not made a page."""
        where, attempt = await self.tried(request)
        index = cast(int, request.path_params["step"])
        step = attempt.steps.get(index)
        if step is None or step.summary is None:
            raise HTTPException(404, f"step {index + 1} of {where.job} wrote no summary")
        text = await self.logs.summary(step.summary)
        if text is None:
            raise HTTPException(404, f"the summary of step {index + 1} of {where.job} is no longer kept")
        return PlainTextResponse(text)

    async def live_run(self, request: Request) -> Response:
        view = await self.view(request)
        return EventStream(run_events(self.queries, self.hub, view.run_id, asked.resume(request, 0)), self.seats)

    async def live_log(self, request: Request) -> Response:
        where, _ = await self.tried(request)
        return EventStream(log_events(self.logs, where, max(-1, asked.resume(request, -1))), self.seats)

    async def view(self, request: Request) -> RunView:
        """The run that the path names. Raises 404."""
        run_id = asked.run_id(request)
        view = await self.runs.view(run_id)
        if view is None:
            unread = "" if self.reader.live.is_set() else "; the console still reads the log, so look again in a while"
            raise HTTPException(404, f"the log holds no run {run_id}{unread}")
        return view

    async def job(self, request: Request) -> tuple[RunView, JobView]:
        """The job that the path names. Raises 404."""
        view = await self.view(request)
        key = JobKey(cast(str, request.path_params["key"]))
        job = view.jobs.get(key)
        if job is None:
            raise HTTPException(404, f"run {view.run_id} has no job {key[: asked.MAX_TEXT]!r}")
        return view, job

    async def tried(self, request: Request) -> tuple[Tried, AttemptView]:
        """The attempt that the path names. Raises 404."""
        view, job = await self.job(request)
        attempt = asked.attempt(job, cast(int, request.path_params["n"]))
        assert attempt is not None
        return tried(view, attempt, job.key), attempt


def _log_parts(view: RunView, job: JobView, attempt: AttemptView | None, window: Window) -> LogParts:
    if attempt is None:
        return LogParts()
    here = f"/runs/{view.run_id}/jobs/{quote(job.key, safe='')}"
    first = window.lines[0].number if window.lines else 0
    last = window.lines[-1].number if window.lines else -1
    page = f"{here}?attempt={attempt.n}&from="
    at_end = last + 1 >= window.total
    return LogParts(
        sections=_sections(window.lines, attempt),
        earlier=f"{page}{max(0, first - PAGE_LINES)}" if first > 0 else "",
        later="" if at_end else f"{page}{last + 1}",
        live=f"{here}/{attempt.n}/live" if at_end and not attempt.over else "",
        raw=f"{here}/{attempt.n}/log.txt",
        after=last,
    )


def _sections(lines: list[Line], attempt: AttemptView) -> list[Section]:
    met: set[int] = set()
    sections: list[Section] = []
    for step, group in groupby(lines, key=lambda line: line.step):
        anchor = "" if step in met or step < 0 else f"step-{step + 1}"
        met.add(step)
        sections.append(Section(step_title(step, attempt), anchor, step, list(group)))
    return sections


def _next_intake(kind: str, repository: str, seq: int, place: int) -> str:
    filters = f"kind={quote(kind)}&repository={quote(repository, safe='')}"
    return f"/intake?{filters}&before={seq}.{place}"


async def _raw(logs: Logs, where: Tried, attempt: AttemptView) -> AsyncGenerator[str]:
    """The log as it was printed, escape sequences and all; a hole in it is said in its place."""
    following = 0
    async for chunk in logs.whole(where, attempt):
        if chunk.first > following:
            yield f"##[warning]{chunk.first - following} lines are missing here\n"
        following = chunk.first + len(chunk.lines)
        yield "\n".join(chunk.lines) + "\n"
    if attempt.lines > following:
        yield f"##[warning]{attempt.lines - following} lines are missing here\n"
