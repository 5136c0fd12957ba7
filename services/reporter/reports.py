"""One pass over one run: read the log, post what GitHub lacks, and sort out how that ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from libs.bus.port import Retry
from libs.contracts import report
from libs.contracts.subjects import RunAddress
from libs.github.rest import Limited, Refused, Unreachable
from libs.telemetry import log
from services.reporter.budget import Budget
from services.reporter.comments import Comments
from services.reporter.ledger import Ledger
from services.reporter.log_reader import LogReader
from services.reporter.reported import COMMENT, STATUSES, Reported
from services.reporter.run_view import RunView
from services.reporter.statuses import Statuses

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

    async def pass_over(self, address: RunAddress) -> float | None:
        """Afterwards GitHub knows all, or has refused, or another pass is due in that many seconds. Raises Retry where
        it shall be tried again, BusDown.
        """
        if (seconds := self.budget.closed_seconds()) > 0:
            raise Retry("GitHub asked to wait", seconds)
        view = await self.reader.run(address)
        if view is None:
            return None
        known = await self.reader.reported(address)
        if self._is_old_news(view, known):
            return None
        await self._try(address, view, known, STATUSES, self.statuses.post)
        return await self._try(address, view, known, COMMENT, self.comments.post)

    def _is_old_news(self, view: RunView, known: Reported) -> bool:
        return not known.last and self.ledger.now() - view.last > timedelta(hours=NEWS_HOURS)

    async def _try(
        self,
        address: RunAddress,
        view: RunView,
        known: Reported,
        what: str,
        post: Callable[[RunAddress, RunView, Reported], Awaitable[float | None]],
    ) -> float | None:
        try:
            again_seconds = await post(address, view, known)
        except Limited as limit:
            self.budget.close(limit.seconds)
            _log.warning("GitHub asked to wait", seconds=round(limit.seconds))
            raise Retry(str(limit), limit.seconds) from limit
        except Unreachable as error:
            _log.warning("GitHub did not answer", why=error, run=address.run_id)
            raise Retry(str(error), self.budget.failed()) from error
        except Refused as refusal:
            if refusal.status == UNAUTHORIZED:
                self.budget.close(BAD_TOKEN_SECONDS)
                _log.error("GitHub refused the token: set a valid GITHUB_TOKEN and restart the reporter")
                raise Retry(str(refusal), BAD_TOKEN_SECONDS) from refusal
            _log.error("GitHub refused a report", what=what, why=refusal, run=address.run_id)
            await self.ledger.record(address, view, known, report.ReportFailed(str(refusal), what))
            return None
        self.budget.answered()
        return again_seconds
