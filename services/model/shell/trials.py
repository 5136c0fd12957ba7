"""Has a proposal tried out where the operator asked for it: one command a place, to whoever plans runs.

The run that comes of it is somebody else's to plan, to place and to judge. Nothing of its end comes back here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from libs.bus.port import Bus
from libs.contracts import subjects
from libs.contracts.commands import TriggerTrial
from libs.contracts.envelope import encode
from libs.contracts.ids import Cause, CommandId, RepositoryId, RunId
from libs.contracts.model import ProposalMade
from libs.contracts.subjects import RunAddress
from libs.telemetry import log
from services.model.shell.fleet import Fleet
from services.model.shell.runs import Runs

_log = log.get("model")


@dataclass(frozen=True, slots=True)
class Trials:
    bus: Bus
    runs: Runs
    fleet: Fleet

    async def begin(self, repository: RepositoryId, made: ProposalMade, cause: Cause) -> None:
        """For the newest place of a proposal that was just made, or told of one place more. A place without a run, in
        a file that was rejected, has nothing to be tried out in. Raises BusDown, BlobsDown.
        """
        run_id = made.places[-1].run_id
        if run_id is None:
            return
        if not any(host.takes_forks and host.largest is not None for host in await self.fleet.joined()):
            _log.info("a proposal is not tried out: no host makes machines", proposal=made.id, run_id=run_id)
            return
        owner, _, name = made.repository.partition("/")
        looked = await self.runs.look(RunAddress(owner, name, run_id))
        if looked is None or looked.view.plan is None:
            return
        command = TriggerTrial(trial_id(made.id, run_id), looked.view.plan.repository, run_id, made.id)
        if await self.bus.last(subjects.intake(command.id)) is None:  # what was begun once is not begun again
            await self.bus.enqueue(subjects.trigger_command(repository), encode(command), message_id=command.id)


def trial_id(proposal: str, run_id: RunId) -> CommandId:
    """The same for the same proposal in the same run, whoever asks and how often."""
    return CommandId("trial-" + hashlib.sha256(f"{proposal} {run_id}".encode()).hexdigest()[:32])
