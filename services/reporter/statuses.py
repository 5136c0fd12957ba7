"""Posts a run's missing commit statuses: looks first where a former process may have posted, writes down afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.contracts import report
from libs.contracts.subjects import RunAddress
from libs.github.rest import GitHub, Status
from services.reporter.ledger import Ledger
from services.reporter.pacing import Pacing
from services.reporter.recent import Recent
from services.reporter.reported import Reported
from services.reporter.run_view import RunView
from services.reporter.wanted import WantedStatus, wanted_statuses


@dataclass(frozen=True, slots=True)
class Statuses:
    github: GitHub
    ledger: Ledger
    pacing: Pacing
    public_url: str
    looked: Recent[int, bool] = field(default_factory=Recent[int, bool])
    """Runs of which all that GitHub has is in the log: this process has looked, and nothing was uncertain since."""
    newest: Recent[tuple[str, str], int] = field(default_factory=Recent[tuple[str, str], int])
    """(commit, context) -> the newest run that has it: an older one that ends later does not write over it."""

    async def post(self, address: RunAddress, view: RunView, known: Reported) -> None:
        """Raises Refused, Limited, Unreachable, Retry, BusDown."""
        missing = [
            status for status in known.missing(wanted_statuses(view, self.public_url)) if self._is_newest(view, status)
        ]
        if not missing:
            return
        repository = _full_name(view)
        there = {} if self.looked.get(view.run_id) else await self.github.statuses(repository, missing[0].sha)
        for status in missing:
            found = there.get(status.context)
            if found is None or not _is(found, status):
                self.looked.forget(view.run_id)
                status_id = await self._set(repository, status)
            else:
                status_id = found.id
            await self.ledger.record(address, view, known, _told(status, status_id))
        self.looked.put(view.run_id, True)

    async def _set(self, repository: str, status: WantedStatus) -> int:
        await self.pacing.turn()
        return await self.github.set_status(
            repository,
            status.sha,
            Status(status.context, status.state, status.description, status.target_url),
        )

    def _is_newest(self, view: RunView, status: WantedStatus) -> bool:
        key = (status.sha, status.context)
        newest = max(self.newest.get(key) or 0, view.planned_at)
        self.newest.put(key, newest)
        return newest == view.planned_at


def _full_name(view: RunView) -> str:
    assert view.plan is not None
    return f"{view.plan.repository.owner}/{view.plan.repository.name}"


def _is(found: Status, wanted: WantedStatus) -> bool:
    """GitHub has it already: its newest of that context says the same, about the same run."""
    same_words = not wanted.final or (found.description or "") == wanted.description
    return found.state == wanted.state and found.target_url == wanted.target_url and same_words


def _told(status: WantedStatus, status_id: int) -> report.CheckReported:
    return report.CheckReported(
        job=status.job,
        context=status.context,
        state=status.state,
        description=status.description,
        sha=status.sha,
        status_id=status_id,
    )
