"""A run that is in the log already, as far as what follows from it needs it: its commits, and its plan."""

from __future__ import annotations

import msgspec

from libs.blobs.port import BlobMissing, Blobs
from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.envelope import Commit, decode_commit, type_of
from libs.contracts.ids import RunId
from libs.contracts.plan import Plan, Repository
from libs.contracts.run import RunPlanned


async def former_run(repository: Repository, run_id: RunId, bus: Bus, blobs: Blobs) -> tuple[list[Commit], Plan | None]:
    """Its commits, oldest first; the plan is None where the log, or the blob store, has it no more. Raises BusDown."""
    stored = await bus.load(subjects.run(repository.owner, repository.name, run_id))
    commits = [decode_commit(each.data) for each in stored]
    return commits, await _plan(commits, blobs)


async def _plan(commits: list[Commit], blobs: Blobs) -> Plan | None:
    for commit in commits[:1]:
        for raw in commit.events:
            if type_of(raw) == "RunPlanned":
                planned = msgspec.json.decode(raw, type=RunPlanned)
                if planned.plan_blob is None:
                    return planned.plan
                try:
                    return msgspec.json.decode(await blobs.get(planned.plan_blob), type=Plan)
                except (BlobMissing, msgspec.DecodeError):
                    return None
    return None
