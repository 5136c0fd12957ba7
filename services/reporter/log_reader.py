"""Reads from the log what a report is about: runs with attempts, what was told before, a delivery's other runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus, Stored
from libs.contracts import envelope, ids, intake, subjects
from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.subjects import RunAddress
from libs.insights import read_insights
from services.reporter import reported, run_view
from services.reporter.reported import Reported
from services.reporter.run_view import RunView

_intakes: msgspec.json.Decoder[intake.IntakeEvent] = msgspec.json.Decoder(intake.IntakeEvent)


@dataclass(frozen=True, slots=True)
class LogReader:
    bus: Bus
    blobs: Blobs

    async def run(self, address: RunAddress) -> RunView | None:
        """None for a run that is not there, has no readable plan, or is not of its subject's repository."""
        run_events = await self.bus.load(subjects.run(*address))
        attempt_events = await self.bus.load(subjects.attempts_of_run(address.run_id))
        view = run_view.fold(run_events, attempt_events)
        if view is not None and view.plan is None and view.plan_blob is not None:
            try:
                run_view.with_plan(view, await self.blobs.get(view.plan_blob))
            except (BlobMissing, msgspec.MsgspecError):
                return None
        return view if view is not None and _is_of(view, address) else None

    async def add_insights(self, view: RunView) -> None:
        """What is known of a run that is over, besides: before that nobody has learned anything from it."""
        if view.over and view.plan is not None:
            view.insights = await read_insights(self.bus, view.run_id, RepositoryId(view.plan.repository.id))

    async def address_of(self, run_id: RunId) -> RunAddress | None:
        """Where the run's own log is; None where there is none."""
        stored = await self.bus.load(subjects.any_run(run_id))
        return subjects.parse_run(stored[0].subject) if stored else None

    async def reported(self, address: RunAddress) -> Reported:
        return reported.fold(await self.bus.load(subjects.report(*address)))

    async def runs_of(self, cause: str) -> tuple[RunId, ...]:
        """The runs that one delivery or command made."""
        planned = [event for _, event in await self.intake(cause) if isinstance(event, intake.RunsPlanned)]
        return tuple(planned[-1].runs.values()) if planned else ()

    async def intake(self, cause: str) -> list[tuple[Stored, intake.IntakeEvent]]:
        """What became of one delivery or command."""
        events: list[tuple[Stored, intake.IntakeEvent]] = []
        for stored in await self.bus.load(subjects.intake(cause)):
            for raw in envelope.decode_commit(stored.data).events:
                with contextlib.suppress(msgspec.ValidationError):
                    events.append((stored, _intakes.decode(raw)))
        return events


def _is_of(view: RunView, address: RunAddress) -> bool:
    """Names in a plan become a part of a URL: they must be those that were checked when the subject was made."""
    if view.plan is None:
        return False
    repository = view.plan.repository
    try:
        same = (ids.token(repository.owner), ids.token(repository.name)) == (address.owner, address.repo)
    except ValueError:
        return False
    return same and ids.is_commit_sha(view.plan.sha)
