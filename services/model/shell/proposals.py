"""One need after another: is it known, may it be asked, what was answered; each ends in an event, or was known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from libs.contracts import subjects
from libs.contracts.ids import Cause, RepositoryId
from libs.contracts.model import ModelFailed, ProposalMade
from services.model.asking import Asking
from services.model.llm.wire import Silent
from services.model.metrics import Counts
from services.model.needs import Need
from services.model.prompts import proposal_question
from services.model.proposing import at_another_place, failed, proposal_id, proposal_of
from services.model.shell.consent import Consent
from services.model.shell.ledger import Ledger
from services.model.shell.whose import Whose
from services.model.shell_syntax import syntax_error

Made = Callable[[RepositoryId, ProposalMade, Cause], Awaitable[None]]
"""What follows a proposal, or one more place of it: a trial, where one is wanted. It may be told twice."""


@dataclass(frozen=True, slots=True)
class Proposals:
    asking: Asking
    ledger: Ledger
    consent: Consent
    counts: Counts
    made: Made
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def settle(self, need: Need, whose: Whose) -> None:
        """Raises Retry, BusDown."""
        async with self.turn:  # what is asked by two runs at once is asked once
            await self._settle(need, whose)

    async def _settle(self, need: Need, whose: Whose) -> None:
        repository, cause = whose.repository, whose.cause
        subject = subjects.model(repository, proposal_id(need, self.asking.model))
        page = await self.ledger.read(subject)
        before = [event for event in page.events if isinstance(event, ProposalMade)]
        if before:
            self.counts.kept("proposal")
            again = at_another_place(before[-1], need.place)
            if again is not None:
                await self.ledger.append(page, cause, "place", [again])
            told = again or before[-1]
            if told.places[-1].run_id == need.place.run_id:  # it may have been stored, and what follows not begun
                await self.made(repository, told, cause)
            return
        event = await self._event(need, whose)
        if isinstance(event, ModelFailed):
            self.counts.fell_back("proposal", event.kind)
        await self.ledger.append(page, cause, type(event).__name__, [event])
        if isinstance(event, ProposalMade):
            await self.made(repository, event, cause)

    async def _event(self, need: Need, whose: Whose) -> ProposalMade | ModelFailed:
        if whose.late:
            return failed(need, self.asking.model, "crowded", whose.late)
        refusal = await self.consent.refusal(whose.repository, need.trust)
        if refusal:
            return failed(need, self.asking.model, "not allowed", refusal)
        reply = await self.asking.ask(proposal_question(need))
        if isinstance(reply, Silent):
            return failed(need, self.asking.model, reply.kind, reply.why)
        return await proposal_of(need, self.asking.model, whose.name, reply.content, syntax_error)
