"""What a request asks for: ids, filters and line numbers from its path, query and headers. All of it is hostile."""

from __future__ import annotations

import re
from typing import cast, get_args
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

from libs.contracts.ids import RunId
from libs.views.run import AttemptView, JobView
from services.console.queries import FILTERS, MAX_PAGE, PAGE_RUNS, RESULTS, RunFilter
from services.console.rows import IntakeKind

STATES = ("planned", "running", "finished", *RESULTS)
KINDS: tuple[IntakeKind, ...] = get_args(IntakeKind)
MAX_TEXT = 512
"""Of one filter; GitHub's longest name is shorter."""
_RUN_ID = re.compile(r"[0-9]{1,16}\Z", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,15}\Z", re.ASCII)


def run_id(request: Request) -> RunId:
    text = cast(str, request.path_params["run_id"])
    if not _RUN_ID.match(text):
        raise HTTPException(404, f"{text[:MAX_TEXT]!r} is no run id: a run id is a whole number")
    return RunId(int(text))


def run_filter(request: Request) -> RunFilter:
    """From the query; 400 where a value can mean nothing."""
    query = request.query_params
    state = query.get("state", "")
    if state and state not in STATES:
        raise HTTPException(400, f"state={state[:MAX_TEXT]!r}: expected one of {', '.join(STATES)}")
    limit = number(request, "limit", PAGE_RUNS)
    if not 1 <= limit <= MAX_PAGE:
        raise HTTPException(400, f"limit={limit}: expected 1 to {MAX_PAGE}")
    texts = {name: query.get(name, "").strip()[:MAX_TEXT] for name in FILTERS}
    before = number(request, "before", 0) if query.get("before") else None
    return RunFilter(**texts, state=state, before=before, limit=limit)


def query_of(wanted: RunFilter, **changed: object) -> str:
    """The query of a page with these filters; empty ones are left out."""
    values = {name: cast(object, getattr(wanted, name)) for name in (*FILTERS, "state", "before")} | changed
    if wanted.limit != PAGE_RUNS:
        values["limit"] = wanted.limit
    return urlencode({name: str(value) for name, value in values.items() if value not in ("", None)})


def intake_kind(request: Request) -> IntakeKind | None:
    text = request.query_params.get("kind", "")
    for kind in KINDS:
        if kind == text:
            return kind
    if text:
        raise HTTPException(400, f"kind={text[:MAX_TEXT]!r}: expected one of {', '.join(KINDS)}")
    return None


def place(request: Request, name: str) -> tuple[int, int] | None:
    """`<seq>.<place>`, as the link to the next page has it."""
    text = request.query_params.get(name, "")
    if not text:
        return None
    parts = text.split(".")
    if len(parts) != 2 or not all(_RUN_ID.match(part) for part in parts):
        raise HTTPException(400, f"{name}={text[:MAX_TEXT]!r}: expected two numbers, as in the link to the next page")
    return int(parts[0]), int(parts[1])


def number(request: Request, name: str, default: int) -> int:
    """A whole number of the query; 400 for anything else."""
    return _number(name, request.query_params.get(name), default)


def resume(request: Request, default: int) -> int:
    """Where an event stream goes on: `Last-Event-ID` is newer than the query of an address that was opened once."""
    given = request.headers.get("last-event-id")
    return _number("Last-Event-ID", given, default) if given else number(request, "after", default)


def attempt(job: JobView, wanted: int | None) -> AttemptView | None:
    """The attempt of that number; the last one where None is asked for, if there is any. 404 where there is no such."""
    if wanted is None:
        return job.last
    for each in job.attempts:
        if each.n == wanted:
            return each
    raise HTTPException(404, f"job {job.key} has no attempt {wanted}")


def _number(name: str, text: str | None, default: int) -> int:
    if not text:
        return default
    if not _NUMBER.match(text):
        raise HTTPException(400, f"{name}={text[:MAX_TEXT]!r}: expected a whole number")
    return int(text)
