"""What the default branch's workflows wait for besides deliveries, and what it opts into, recorded when a push changed
it: `ev.workflow.<repository>.schedules` and `.opt-ins`.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.opt_ins import OptInsDeclared
from libs.contracts.plan import Repository
from libs.contracts.schedules import DeclaredSchedule, FollowedRuns, SchedulesDeclared
from libs.repositories import Repositories
from libs.telemetry import log
from libs.workflow.model import Workflow
from libs.workflow.opt_ins import opt_ins_file
from services.parser import opting
from services.parser.declaring import declare
from services.parser.files import Readings
from services.parser.meaning import Relevant
from services.parser.relevance import is_default_branch
from services.parser.sealing import Origin

MAX_LINES = 500
"""Of schedules in a repository: two in each of as many files as it may have. Each is asked for at every wake-up."""
MAX_BYTES = 256 * 1024
"""Of a declaration: it is one message, and names of workflows may be long."""

_log = log.get("parser")


@dataclass(frozen=True)
class Declarations:
    bus: Bus

    async def note(
        self, relevant: Relevant, repositories: Repositories, readings: Readings, origin: Origin, seconds: float
    ) -> None:
        """Nothing for what is no push to the default branch. Raises SourceMissing, SourceRefused, BusDown."""
        if relevant.trigger.name != "push" or not is_default_branch(relevant.ref, relevant.repository):
            return
        commit = await repositories.commit(relevant.repository, relevant.sha, relevant.hints, seconds)
        read = [await readings.read(file) for file in await commit.workflows()]
        await self._waits_for(declared(relevant, [each.workflow for each in read if each.workflow], origin), origin)
        await self._opts_into(opting.opted(relevant, await commit.workflow(opt_ins_file), origin), origin)

    async def forget(self, repository: Repository, origin: Origin) -> None:
        """It waits for nothing and opts into nothing any more. Raises BusDown."""
        await self._waits_for(SchedulesDeclared(repository, "", "", origin.received), origin)
        await self._opts_into(OptInsDeclared(repository, "", "", origin.received), origin)

    async def _waits_for(self, wanted: SchedulesDeclared, origin: Origin) -> None:
        await declare(self.bus, subjects.schedules(wanted.repository.id), wanted, decide, origin)

    async def _opts_into(self, wanted: OptInsDeclared, origin: Origin) -> None:
        await declare(self.bus, subjects.opt_ins(wanted.repository.id), wanted, opting.is_news, origin)


def declared(relevant: Relevant, workflows: list[Workflow], origin: Origin) -> SchedulesDeclared:
    """A file with errors waits for nothing: it could not run. What is too much to be kept is left out, and told."""
    whole = _declared(relevant, workflows, origin)
    kept = msgspec.structs.replace(whole, schedules=whole.schedules[:MAX_LINES], follows=whole.follows[:MAX_LINES])
    if len(msgspec.json.encode(kept)) > MAX_BYTES:
        kept = msgspec.structs.replace(kept, schedules=(), follows=())
    if kept != whole:
        _log.warning("too much is waited for", repository=relevant.repository.full_name, lines=len(whole.schedules))
    return kept


def _declared(relevant: Relevant, workflows: list[Workflow], origin: Origin) -> SchedulesDeclared:
    return SchedulesDeclared(
        repository=relevant.repository,
        ref=relevant.ref,
        sha=relevant.sha,
        pushed=origin.received,
        by=relevant.actor.login,
        owner_id=relevant.owner_id,
        schedules=tuple(
            DeclaredSchedule(workflow.file, line.cron, line.timezone or "")
            for workflow in workflows
            for line in workflow.on.schedule
        ),
        follows=tuple(
            FollowedRuns(workflow.file, trigger.workflows or (), trigger.types or ())
            for workflow in workflows
            for name, trigger in workflow.on.events.items()
            if name == "workflow_run"
        ),
    )


def decide(state: SchedulesDeclared | None, wanted: SchedulesDeclared) -> bool:
    """Whether there is something to say: not what is known, and not what an older push had."""
    if state is None:
        return bool(wanted.schedules or wanted.follows)
    if wanted.pushed < state.pushed:
        return False
    return _of(wanted) != _of(state)


def _of(declared: SchedulesDeclared) -> object:
    return declared.repository, declared.ref, declared.schedules, declared.follows
