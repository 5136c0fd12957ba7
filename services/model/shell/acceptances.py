"""Somebody had a patch made of a proposal: written down once, whoever says it again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from libs.bus.port import Poison, Stored
from libs.contracts import subjects
from libs.contracts.commands import AcceptProposal
from libs.contracts.ids import Cause
from libs.contracts.model import ProposalAccepted, ProposalMade
from services.model.shell.ledger import Ledger

_commands = msgspec.json.Decoder(AcceptProposal)


@dataclass(frozen=True, slots=True)
class Acceptances:
    ledger: Ledger

    async def settle(self, stored: Stored) -> None:
        """Raises Poison for what is no such command, or of no such proposal; Retry, BusDown."""
        try:
            command = _commands.decode(stored.data)
        except msgspec.MsgspecError as error:
            raise Poison(f"it is no command of the model's service: {error}") from error
        if stored.subject != subjects.model_command(command.proposal):
            raise Poison("its proposal is not its subject's")
        page = await self.ledger.read(subjects.model(command.repository_id, command.proposal))
        if not any(isinstance(event, ProposalMade) for event in page.events):
            raise Poison("there is no such proposal")
        if not any(isinstance(event, ProposalAccepted) and event.command == command.id for event in page.events):
            accepted = ProposalAccepted(command.proposal, command.id, command.by, command.path)
            await self.ledger.append(page, Cause(command.id), command.id, [accepted])
