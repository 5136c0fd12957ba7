"""Posts a run's missing commit statuses: looks first where a former process may have posted, writes down afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from libs.contracts import report
from libs.github.rest import GitHub, Status
from services.reporter.about import About
from services.reporter.ledger import Ledger
from services.reporter.pacing import Pacing
from services.reporter.recent import Recent
from services.reporter.reported import Reported
from services.reporter.wanted import WantedStatus


@dataclass(frozen=True, slots=True)
class Statuses:
    github: GitHub
    ledger: Ledger
    pacing: Pacing
    looked: Recent[int, bool] = field(default_factory=Recent[int, bool])
    """Runs of which all that GitHub has is in the log: this process has looked, and nothing was uncertain since."""
    newest: Recent[tuple[str, str, str], int] = field(default_factory=Recent[tuple[str, str, str], int])
    """(repository, commit, context) -> the newest run that has it: an older one that ends later does not write over
    it."""
    locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(
        default_factory=WeakValueDictionary[tuple[str, str], asyncio.Lock]
    )
    """By repository and commit: two runs that want the same status do not both look and then both post."""

    async def post(self, about: About, wanted: list[WantedStatus], known: Reported) -> None:
        """Raises Refused, Limited, Unreachable, Retry, BusDown."""
        if wanted:
            lock = self.locks.setdefault((about.repository, wanted[0].sha), asyncio.Lock())
            async with lock:
                await self._post(about, wanted, known)

    async def _post(self, about: About, wanted: list[WantedStatus], known: Reported) -> None:
        missing = [status for status in known.missing(wanted) if self._is_newest(about, status)]
        if not missing:
            return
        run_id, repository = about.address.run_id, about.repository
        there = {} if self.looked.get(run_id) else await self.github.statuses(repository, missing[0].sha)
        for status in missing:
            found = there.get(status.context)
            if found is None or not _is(found, status):
                self.looked.forget(run_id)
                status_id = await self._set(repository, status)
            else:
                status_id = found.id
            await self.ledger.record(about, known, _told(status, status_id))
        self.looked.put(run_id, True)

    async def _set(self, repository: str, status: WantedStatus) -> int:
        await self.pacing.turn()
        return await self.github.set_status(
            repository,
            status.sha,
            Status(status.context, status.state, status.description, status.target_url),
        )

    def _is_newest(self, about: About, status: WantedStatus) -> bool:
        key = (about.repository, status.sha, status.context)
        newest = max(self.newest.get(key) or 0, about.order)
        self.newest.put(key, newest)
        return newest == about.order


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
