"""Reading the log for people: one run whole, or the newest runs."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from libs.blobs.port import Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import subjects
from libs.contracts.envelope import Commit, decode_commit
from libs.contracts.ids import RunId
from libs.contracts.plan import Plan
from libs.insights import read_insights
from libs.views.fold import apply, take_plan, view_of
from libs.views.insights import NOTHING, Insights
from libs.views.run import RunView
from services.cli.connection import Connection
from services.cli.outcome import Usage

FIRST_WINDOW = 5_000
"""Messages read from the log's end for the newest runs; four times as many whenever they were too few."""


def parse_run_id(text: str) -> RunId:
    """Raises Failed (usage) for what is no run id."""
    if not re.fullmatch(r"[0-9]{1,16}", text):
        raise Usage(f"{text!r} is no run id: a run id is a whole number; `firebreak runs ls` lists them")
    return RunId(int(text))


async def run_view(connection: Connection, run_id: RunId) -> RunView:
    """The run with all its attempts. Raises Usage where the log holds none of that id."""
    view = await find_run(connection.bus, connection.blobs, run_id)
    if view is None:
        raise Usage(f"the log holds no run {run_id}; `firebreak runs ls` lists the newest")
    return view


async def insights_of(bus: Bus, view: RunView) -> Insights:
    """What is known of the run besides its own events; of one without a plan nothing is."""
    return NOTHING if view.plan is None else await read_insights(bus, view.run_id, view.plan.repository.id)


async def find_run(bus: Bus, blobs: Blobs, run_id: RunId) -> RunView | None:
    own = await bus.load(subjects.any_run(run_id))
    tries = await bus.load(subjects.attempts_of_run(run_id))
    view = view_of(in_order([*own, *tries]))
    if view is not None:
        await complete(view, blobs)
    return view


async def complete(view: RunView, blobs: Blobs) -> None:
    """Fetches a plan that was too large for the log."""
    if view.plan is None and view.plan_blob is not None:
        take_plan(view, msgspec.json.decode(await blobs.get(view.plan_blob), type=Plan))


def in_order(stored: Iterable[Stored]) -> list[Commit]:
    return [decode_commit(message.data) for message in sorted(stored, key=lambda message: message.seq)]


async def newest_runs(connection: Connection, limit: int) -> list[RunView]:
    """The newest `limit` runs, newest first; without their attempts."""
    extent = await connection.bus.extent(subjects.EVENTS)
    window = FIRST_WINDOW
    while True:
        after = max(extent.first - 1, extent.last - window)
        views = await _runs_after(connection.bus, after)
        if len(views) >= limit or after < extent.first:
            break
        window *= 4
    newest = list(reversed(views))[:limit]
    for view in newest:
        await complete(view, connection.blobs)
    return newest


async def _runs_after(bus: Bus, after: int) -> list[RunView]:
    views: dict[RunId, RunView | None] = {}
    async for message in bus.tail(subjects.EVENTS, (subjects.ALL_RUNS,), after, follow=False):
        if isinstance(message, Stored):
            run_id = subjects.parse_run(message.subject).run_id
            views[run_id] = apply(views.get(run_id), decode_commit(message.data))
    return [view for view in views.values() if view is not None and view.planned is not None]
