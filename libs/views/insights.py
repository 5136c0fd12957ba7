"""What is known of a run beside its own events: failures seen before, what a model said, advice that stands. Pure.

Nothing of it decides anything. All of it may be missing (no learner, no model) and may come late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

import msgspec

from libs.contracts.advice import Advice, AdviceEvent, AdviceGiven, AdviceMeasured, PoolAdvice
from libs.contracts.envelope import Commit
from libs.contracts.ids import JobKey
from libs.contracts.model import ModelEvent, TriageGiven
from libs.contracts.recognition import FailureRecognized, RecognitionEvent

Event = TypeVar("Event")


class StepOf(NamedTuple):
    """One step of one attempt at a job."""

    job: JobKey
    n: int
    step: int


class Piece(NamedTuple):
    """What a piece of advice is about: its kind, and the workflow file, job and step; `step` is often empty."""

    kind: str
    path: str
    job: str
    step: str


class Standing(msgspec.Struct, frozen=True):
    """A piece of advice that stands, and what became of it so far."""

    advice: Advice
    measured: AdviceMeasured | None = None


class Insights(msgspec.Struct, frozen=True):
    recognized: Mapping[StepOf, FailureRecognized] = {}
    triages: Mapping[StepOf, TriageGiven] = {}
    advice: tuple[Standing, ...] = ()

    def of_workflow(self, path: str) -> list[Standing]:
        return [piece for piece in self.advice if piece_of(piece.advice).path == path]


NOTHING = Insights()


def insights(recognitions: Iterable[Commit], model: Iterable[Commit], advice: Iterable[Commit]) -> Insights:
    """From the commits of a run's recognitions and triages, and those of its repository's advice, oldest first."""
    recognized = {StepOf(e.job, e.n, e.step): e for e in _events(recognitions, _recognitions)}
    said = [event for event in _events(model, _model) if isinstance(event, TriageGiven)]
    return Insights(recognized, {StepOf(e.job, e.n, e.step): e for e in said}, standing(advice))


def standing(commits: Iterable[Commit]) -> tuple[Standing, ...]:
    """What was given last, each piece with the last word on what became of it."""
    given: tuple[Advice, ...] = ()
    measured: dict[Piece, AdviceMeasured] = {}
    for event in _events(commits, _advice):
        match event:
            case AdviceGiven():
                given = event.advice
            case AdviceMeasured():
                measured[Piece(event.kind, event.path, event.job, event.step)] = event
    return tuple(Standing(advice, measured.get(piece_of(advice))) for advice in given)


def piece_of(advice: Advice) -> Piece:
    """How `AdviceMeasured` names it. That of a host has its name in the job's place and its shape in the step's."""
    kind = str(advice.__struct_config__.tag)
    if isinstance(advice, PoolAdvice):
        return Piece(kind, "", advice.host, f"{advice.trust}/{advice.size}" if advice.size else advice.trust)
    return Piece(kind, advice.path, advice.job, getattr(advice, "step", ""))


_recognitions: msgspec.json.Decoder[RecognitionEvent] = msgspec.json.Decoder(RecognitionEvent)
_model: msgspec.json.Decoder[ModelEvent] = msgspec.json.Decoder(ModelEvent)
_advice: msgspec.json.Decoder[AdviceEvent] = msgspec.json.Decoder(AdviceEvent)


def _events(commits: Iterable[Commit], decoder: msgspec.json.Decoder[Event]) -> Iterable[Event]:
    """Those that are understood: what a newer writer says otherwise is not shown."""
    for commit in commits:
        for raw in commit.events:
            try:
                yield decoder.decode(raw)
            except msgspec.ValidationError:
                continue
