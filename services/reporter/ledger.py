"""Writes down what GitHub was told, after it was told. One append a report, conditional on what was known before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from libs.bus.port import Bus, Conflict, Retry
from libs.contracts import envelope, ids, report, subjects
from services.reporter import reported
from services.reporter.about import About
from services.reporter.reported import Reported

CONFLICT_SECONDS = 1.0
"""Another reporter was here; by then its appends are done."""


@dataclass(frozen=True, slots=True)
class Ledger:
    bus: Bus
    now: Callable[[], datetime]

    async def record(self, about: About, known: Reported, event: report.ReportEvent) -> None:
        """Appends and folds it into `known`. Raises Retry where another reporter wrote in between, BusDown."""
        subject = subjects.report(*about.address)
        commit = envelope.commit(
            id=ids.commit_id(subject, known.last, type(event).__name__),
            source="reporter",
            subject=subject,
            cause=about.cause,
            now=self.now(),
            events=[event],
        )
        try:
            known.last = await self.bus.append(commit, expected=known.last)
        except Conflict as conflict:
            raise Retry(str(conflict), CONFLICT_SECONDS) from conflict
        reported.apply(known, event)
