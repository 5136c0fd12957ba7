"""After a failed run: each failed step is looked at once, by rules first."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from libs.contracts import subjects
from libs.contracts.ids import JobKey
from libs.contracts.model import ModelFailed, TriageGiven
from services.model.asking import Asking
from services.model.llm.wire import Silent
from services.model.metrics import Counts
from services.model.shell.consent import Consent
from services.model.shell.ledger import Ledger, Page
from services.model.shell.runs import Looked, Runs
from services.model.shell.whose import Whose
from services.model.triage import FailedStep, by_rules, failed, question_about, triage_of

STEPS_A_RUN = 50
"""That rules look at; a broken dependency fails a matrix of 256 jobs in one way."""
QUESTIONS_A_RUN = 5


@dataclass(frozen=True, slots=True)
class Triages:
    asking: Asking
    ledger: Ledger
    consent: Consent
    counts: Counts
    runs: Runs

    async def settle(self, looked: Looked, whose: Whose) -> None:
        """Raises Retry, BusDown."""
        subject = subjects.model(whose.repository, str(looked.view.run_id))
        page = await self.ledger.read(subject)
        known = _known(page)
        asked = 0
        for step in [step for step in looked.failed() if step.key not in known][:STEPS_A_RUN]:
            if not step.category and asked == QUESTIONS_A_RUN:
                continue
            event = await self._event(looked, step, whose)
            asked += not step.category
            if isinstance(event, ModelFailed):
                self.counts.fell_back("triage", event.kind)
            await self.ledger.append(page, whose.cause, ":".join(map(str, step.key)), [event])
            page = await self.ledger.read(subject)

    async def _event(self, looked: Looked, step: FailedStep, whose: Whose) -> TriageGiven | ModelFailed:
        first, lines = await self.runs.log(looked, step)
        step = replace(step, first=first)
        ruled = by_rules(step, lines)
        if ruled is not None:
            return ruled
        model = self.asking.model
        if whose.late:
            return failed(step, model, "crowded", whose.late)
        if not lines:
            return failed(step, model, "refused", "the step printed nothing that could be read")
        refusal = await self.consent.refusal(whose.repository, step.trust)
        if refusal:
            return failed(step, model, "not allowed", refusal)
        question, among = question_about(step, lines, self.asking.tokens)
        reply = await self.asking.ask(question)
        if isinstance(reply, Silent):
            return failed(step, model, reply.kind, reply.why)
        return triage_of(step, among, reply.content, model)


def _known(page: Page) -> set[tuple[int, JobKey, int, int]]:
    """Steps that were looked at, whatever came of it: a failed run is told of once."""
    known: set[tuple[int, JobKey, int, int]] = set()
    for event in page.events:
        if isinstance(event, TriageGiven) or (isinstance(event, ModelFailed) and event.step is not None):
            assert event.step is not None
            known.add((event.run_attempt, event.job, event.n, event.step))
    return known
