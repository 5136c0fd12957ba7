"""One pass: read the log, post what GitHub lacks, and sort out how that ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.bus.port import Retry, Stored
from libs.contracts import report
from libs.contracts.ids import Cause
from libs.contracts.intake import WorkflowRejected
from libs.contracts.subjects import RunAddress
from libs.github.rest import Limited, Refused, Unreachable
from libs.telemetry import log
from services.reporter.about import About
from services.reporter.budget import Budget
from services.reporter.comments import Comments
from services.reporter.ledger import Ledger
from services.reporter.log_reader import LogReader
from services.reporter.rejections import about_rejection, wanted_rejection
from services.reporter.reported import COMMENT, STATUSES, Reported
from services.reporter.statuses import Statuses
from services.reporter.wanted import WantedStatus, wanted_statuses

NEWS_HOURS = 24
"""A run of which nothing was ever reported and which is older than this is nobody's news: a token that is set for the
first time does not flood GitHub with half a year of verdicts."""
BAD_TOKEN_SECONDS = 60.0
"""The token was refused: nothing else will be accepted either, until somebody changes it."""
UNAUTHORIZED = 401

_log = log.get("reporter")


@dataclass(frozen=True, slots=True)
class Reports:
    reader: LogReader
    ledger: Ledger
    budget: Budget
    statuses: Statuses
    comments: Comments
    public_url: str

    async def pass_over(self, key: RunAddress | Cause) -> float | None:
        """A run, or the rejected workflow files of a delivery. Afterwards GitHub knows all, or has refused, or another
        pass is due in that many seconds. Raises Retry where it shall be tried again, BusDown.
        """
        if (seconds := self.budget.closed_seconds()) > 0:
            raise Retry("GitHub asked to wait", seconds)
        if isinstance(key, str):
            return await self._rejections(key)
        return await self._run(key)

    async def _run(self, address: RunAddress) -> float | None:
        view = await self.reader.run(address)
        if view is None or view.plan is None:
            return None
        repository = f"{view.plan.repository.owner}/{view.plan.repository.name}"
        about = About(address, repository, view.cause, view.planned_at)
        known = await self.reader.reported(address)
        if self._is_old_news(view.last, known):
            return None
        wanted = wanted_statuses(view, self.public_url)
        await self._try(about, known, STATUSES, lambda: self.statuses.post(about, wanted, known))
        return await self._try(about, known, COMMENT, lambda: self.comments.post(about, view, known))

    async def _rejections(self, cause: Cause) -> None:
        for stored, event in await self.reader.intake(cause):
            if not isinstance(event, WorkflowRejected):
                continue
            about = about_rejection(cause, stored, event)
            if about is not None:
                await self._rejection(about, stored, [wanted_rejection(event, self.public_url)])

    async def _rejection(self, about: About, stored: Stored, wanted: list[WantedStatus]) -> None:
        known = await self.reader.reported(about.address)
        if not self._is_old_news(stored.time, known):
            await self._try(about, known, STATUSES, lambda: self.statuses.post(about, wanted, known))

    def _is_old_news(self, last: datetime, known: Reported) -> bool:
        return not known.last and self.ledger.now() - last > timedelta(hours=NEWS_HOURS)

    async def _try(
        self, about: About, known: Reported, what: str, post: Callable[[], Awaitable[float | None]]
    ) -> float | None:
        try:
            again_seconds = await post()
        except Limited as limit:
            self.budget.close(limit.seconds)
            _log.warning("GitHub asked to wait", seconds=round(limit.seconds))
            raise Retry(str(limit), limit.seconds) from limit
        except Unreachable as error:
            _log.warning("GitHub did not answer", why=error, run=about.address.run_id)
            raise Retry(str(error), self.budget.failed()) from error
        except Refused as refusal:
            if refusal.status == UNAUTHORIZED:
                self.budget.close(BAD_TOKEN_SECONDS)
                _log.error("GitHub refused the token: set a valid GITHUB_TOKEN and restart the reporter")
                raise Retry(str(refusal), BAD_TOKEN_SECONDS) from refusal
            _log.error("GitHub refused a report", what=what, why=refusal, run=about.address.run_id)
            await self.ledger.record(about, known, report.ReportFailed(str(refusal), what))
            return None
        self.budget.answered()
        return again_seconds
