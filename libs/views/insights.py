"""What is known of a run beside its own events: failures seen before, what a model said, advice that stands. Pure.

Nothing of it decides anything. All of it may be missing (no learner, no model) and may come late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from libs.contracts.advice import Advice, AdviceMeasured
from libs.contracts.envelope import Commit
from libs.contracts.ids import JobKey
from libs.contracts.model import ModelEvent, TriageGiven
from libs.contracts.recognition import FailureRecognized, RecognitionEvent
from libs.views.recognition import seen_before
from libs.views.standing import Standing, about
from libs.views.triage import category_words, model_words
from libs.views.words import Quote

Event = TypeVar("Event")


class StepOf(NamedTuple):
    """One step of one attempt at a job."""

    job: JobKey
    n: int
    step: int


class Piece(NamedTuple):
    """A piece of advice that stands, and what became of it so far."""

    advice: Advice
    measured: AdviceMeasured | None


class Insights(msgspec.Struct, frozen=True):
    recognized: Mapping[StepOf, FailureRecognized] = {}
    triages: Mapping[StepOf, TriageGiven] = {}
    standing: Standing | None = None

    def of_step(self, at: StepOf, category: str, now: datetime, quote: Quote) -> str:
        """Why it failed, as rules say (`category`), the log and a model; empty where nobody knows."""
        seen, triage = self.recognized.get(at), self.triages.get(at)
        parts = [
            category_words(category),
            seen_before(seen, now, quote) if seen is not None else "",
            model_words(triage, quote) if triage is not None else "",
        ]
        return "; ".join(filter(None, parts))

    def of_workflow(self, path: str) -> list[Piece]:
        """The advice on a workflow file's jobs."""
        if self.standing is None:
            return []
        mine = [piece for piece in self.standing.given.advice if about(piece).path == path]
        return [Piece(piece, self.standing.became(piece)) for piece in mine]


NOTHING = Insights()


def insights(recognitions: Iterable[Commit], model: Iterable[Commit], advice: Standing | None) -> Insights:
    """From the commits of a run's recognitions and triages, oldest first, and its repository's advice."""
    recognized = {StepOf(e.job, e.n, e.step): e for e in _events(recognitions, _recognitions)}
    said = [event for event in _events(model, _model) if isinstance(event, TriageGiven)]
    return Insights(recognized, {StepOf(e.job, e.n, e.step): e for e in said}, advice)


_recognitions: msgspec.json.Decoder[RecognitionEvent] = msgspec.json.Decoder(RecognitionEvent)
_model: msgspec.json.Decoder[ModelEvent] = msgspec.json.Decoder(ModelEvent)


def _events(commits: Iterable[Commit], decoder: msgspec.json.Decoder[Event]) -> Iterable[Event]:
    """Those that are understood: what a newer writer says otherwise is not shown."""
    for commit in commits:
        for raw in commit.events:
            try:
                yield decoder.decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
