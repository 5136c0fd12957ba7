"""Deliveries, what became of them, and hosts, as facts."""

from __future__ import annotations

import msgspec

from libs.contracts import host, intake
from services.learner.folding.facts import DeliveryFact, Fact, HostFact, IntakeFact
from services.learner.folding.heads import DeliveryHead
from services.learner.folding.place import Where, integer, text

_deliveries = msgspec.json.Decoder(DeliveryHead)
_intakes: msgspec.json.Decoder[intake.IntakeEvent] = msgspec.json.Decoder(intake.IntakeEvent)
_hosts: msgspec.json.Decoder[host.HostEvent] = msgspec.json.Decoder(host.HostEvent)


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
        cause=text(where.commit.cause),
        type=kind,
        event=text(name),
        repository=text(repository),
        sha=text(sha),
        path=text(path),
        runs=runs,
        why=text(why),
    )


def host_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact:
    happened = _hosts.decode(event)
    host_id = where.stored.subject.rpartition(".")[2]
    driver: str | None = None
    slots: int | None = None
    why = ""
    match happened:
        case host.HostJoined():
            driver, slots = text(happened.driver), integer(happened.slots)
        case host.HostDraining():
            why = ("undrained by " if happened.undrained else "drained by ") + happened.by
        case host.HostLeft() | host.VmDestroyed() | host.VmNotKept():
            why = happened.why
        case host.VmReaped():
            why = happened.what
        case host.VmPooled():
            why = happened.how
        case host.TemplateBuilt():
            why = happened.key
        case host.VmKept():
            why = f"{happened.what} of {happened.attempt}"
        case host.DebugOpened():
            why = f"by {happened.by}"
    return HostFact(
        where.seq, where.place, where.stored_at, text(host_id), type(happened).__name__, driver, slots, text(why)
    )
