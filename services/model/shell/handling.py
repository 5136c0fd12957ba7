"""One message at a time from the log to whatever it asks for. Knows the order of things and no rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Stored
from libs.contracts import subjects
from libs.contracts.envelope import decode_commit
from libs.contracts.intake import WorkflowRejected
from libs.workflow.problems import Problems
from libs.workflow.source import read_document
from services.model.needs import lacking_actions, refused_keys, unoffered_label
from services.model.shell.fleet import Fleet
from services.model.shell.proposals import Proposals
from services.model.shell.reading import rejections, run_events, unoffered, went_wrong
from services.model.shell.runs import Runs
from services.model.shell.triages import Triages
from services.model.shell.whose import Whose

STALE_SECONDS = 1800.0
"""What waited for half an hour is not asked any more: a service that was away must not be busy for a day."""
LATE = "it waited for over half an hour, and is not asked any more"


@dataclass(frozen=True, slots=True)
class Handling:
    runs: Runs
    blobs: Blobs
    fleet: Fleet
    proposals: Proposals
    triages: Triages
    now: Callable[[], datetime]

    async def handle(self, stored: Stored) -> None:
        """Raises Retry, BusDown, BlobsDown."""
        if stored.subject.startswith("ev.intake."):
            for rejected in rejections(stored):
                await self._rejected(stored, rejected)
        else:
            await self._run(stored)

    async def _rejected(self, stored: Stored, rejected: WorkflowRejected) -> None:
        assert rejected.content is not None
        try:
            content = await self.blobs.get(rejected.content)
        except BlobMissing:
            return
        if read_document(content, Problems(rejected.path)).root is None:
            return  # no YAML, so no key of it was refused: there is nothing that steps could stand for
        whose = self._whose(stored, rejected)
        for need in refused_keys(rejected, content.decode("utf-8", "replace")):
            await self.proposals.settle(need, whose)

    async def _run(self, stored: Stored) -> None:
        events = run_events(stored)
        hosts = await self.fleet.joined() if events else ()
        queued = unoffered(events, hosts)
        wrong = went_wrong(events)
        looked = await self.runs.look(subjects.parse_run(stored.subject)) if queued or wrong else None
        plan = looked.view.plan if looked is not None else None
        if looked is None or plan is None or plan.trial:  # nobody proposes about what was proposed
            return
        whose = Whose(
            plan.repository.id, plan.repository.full_name, decode_commit(stored.data).cause, self._late(stored)
        )
        if wrong:
            await self.triages.settle(looked, whose)
        needs = [unoffered_label(looked.view, key, hosts) for key in queued]
        for need in [*needs, *(lacking_actions(looked.view, looked.lacking()) if wrong else ())]:
            if need is not None:
                await self.proposals.settle(need, whose)

    def _whose(self, stored: Stored, rejected: WorkflowRejected) -> Whose:
        cause = decode_commit(stored.data).cause
        return Whose(rejected.repository_id, rejected.repository, cause, self._late(stored))

    def _late(self, stored: Stored) -> str:
        return LATE if (self.now() - stored.time).total_seconds() > STALE_SECONDS else ""
