"""What a language model proposed or said of a failure, and why it did not, as facts."""

from __future__ import annotations

import contextlib

import msgspec
from msgspec.structs import replace

from libs.contracts import model
from services.learner.folding.facts import Fact
from services.learner.folding.facts_learned import ModelFact
from services.learner.folding.place import Where, integer, text

_models: msgspec.json.Decoder[model.ModelEvent] = msgspec.json.Decoder(model.ModelEvent)


def model_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact:
    happened = _models.decode(event)
    head = _head(where, type(happened).__name__)
    match happened:
        case model.ProposalMade():
            return _proposal(head, happened)
        case model.ProposalAccepted():
            return replace(
                head,
                id=text(happened.id),
                by=text(happened.by),
                path=text(happened.path),
            )
        case model.TriageGiven():
            return replace(
                head,
                task="triage",
                run_attempt=integer(happened.run_attempt),
                job=text(happened.job),
                n=integer(happened.n),
                step=integer(happened.step),
                category=happened.category,
                by=happened.by,
                model=text(happened.model),
                why=text(happened.summary),
            )
        case model.ModelFailed():
            return replace(
                head,
                task=happened.what,
                kind=happened.kind,
                about=text(happened.about),
                model=text(happened.model),
                run_attempt=integer(happened.run_attempt),
                job=text(happened.job),
                n=integer(happened.n),
                step=None if happened.step is None else integer(happened.step),
                why=text(happened.why),
            )


def _proposal(head: ModelFact, made: model.ProposalMade) -> ModelFact:
    """At its first place; the others are the same words again."""
    place = made.places[0] if made.places else model.ProposalPlace("", "")
    return replace(
        head,
        id=text(made.id),
        repository=text(made.repository),
        model=text(made.model),
        run_id=None if place.run_id is None else integer(place.run_id),
        path=text(place.path),
        job=text(place.job),
        step=None if place.step is None else integer(place.step),
        kind=made.about,
        about=text(made.subject),
        by="model",
        steps=len(made.steps),
        gaps=len(made.gaps),
    )


def _head(where: Where, kind: str) -> ModelFact:
    """Raises ValueError for a subject without a repository's number. Its last part is a run's number, or a hash."""
    _, _, repository_id, about = where.stored.subject.split(".")
    run_id: int | None = None
    with contextlib.suppress(ValueError):
        run_id = integer(int(about))
    return ModelFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        repository_id=integer(int(repository_id)),
        repository="",
        type=kind,
        task="proposal",
        id="",
        model="",
        run_id=run_id,
        run_attempt=None,
        job="",
        n=None,
        step=None,
        path="",
        kind="",
        about="",
        category="",
        by="",
        steps=None,
        gaps=None,
        why="",
    )
