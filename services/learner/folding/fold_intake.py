"""Deliveries, what became of them, and what repositories opt into, as facts."""

from __future__ import annotations

import msgspec

from libs.contracts import intake
from libs.contracts.numbering import WorkflowEvent
from libs.contracts.opt_ins import OptInsDeclared
from services.learner.folding.facts import DeliveryFact, Fact, IntakeFact
from services.learner.folding.facts_learned import OptInsFact
from services.learner.folding.heads import DeliveryHead
from services.learner.folding.place import Where, integer, microseconds, small, text

_deliveries = msgspec.json.Decoder(DeliveryHead)
_intakes: msgspec.json.Decoder[intake.IntakeEvent] = msgspec.json.Decoder(intake.IntakeEvent)
_workflows: msgspec.json.Decoder[WorkflowEvent] = msgspec.json.Decoder(WorkflowEvent)


def delivery_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact:
    head = _deliveries.decode(event)
    return DeliveryFact(
        where.seq, where.stored_at, text(head.guid), text(head.event), integer(head.size), text(head.hook_id)
    )


def intake_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact:
    happened = _intakes.decode(event)
    kind, name, repository, sha, path, runs, why = type(happened).__name__, "", "", "", "", 0, ""
    match happened:
        case intake.DeliveryIgnored() | intake.IntakeFailed():
            name, repository, why = happened.event, happened.repository, happened.why
        case intake.WorkflowRejected(repository=repository, sha=sha, path=path, problems=problems):
            why = "; ".join(f"{p.file}:{p.line}:{p.column}: {p.message}" for p in problems[:20])
        case intake.RunsPlanned(repository=repository, sha=sha, event=name, runs=planned):
            runs = len(planned)
    return IntakeFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        cause=text(where.cause),
        type=kind,
        event=text(name),
        repository=text(repository),
        sha=text(sha),
        path=text(path),
        runs=runs,
        why=text(why),
    )


def opt_ins_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact | None:
    """Of what the parser keeps of workflows: numbers of runs and schedules are nothing that is analysed."""
    happened = _workflows.decode(event)
    if not isinstance(happened, OptInsDeclared):
        return None
    return OptInsFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        repository_id=integer(happened.repository.id),
        repository=text(happened.repository.full_name),
        sha=text(happened.sha),
        pushed=microseconds(happened.pushed),
        timeouts=happened.opt_ins.timeouts,
        retry_flaky=small(happened.opt_ins.retry_flaky),
        fork_text=happened.opt_ins.fork_text_to_hosted_model,
        problems=len(happened.problems),
    )
