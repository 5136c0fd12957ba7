"""Hosts and their machines as facts."""

from __future__ import annotations

import contextlib

import msgspec

from libs.contracts import host, subjects
from libs.contracts.size import Size
from services.learner.folding.facts import Fact, HostFact, VmFact
from services.learner.folding.place import Where, integer, phases, text

_hosts: msgspec.json.Decoder[host.HostEvent] = msgspec.json.Decoder(host.HostEvent)


def host_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact:
    happened = _hosts.decode(event)
    match happened:
        case host.HostJoined() | host.HostDraining() | host.HostLeft():
            return _of_host(where, happened)
        case host.TemplateBuilt(vm=vm, image=image, size=size, trust=trust, phases_ms=spent):
            return _of_vm(where, happened, vm, image=image, size=size, trust=trust, how="booted", spent=spent)
        case host.VmPooled(vm=vm, image=image, size=size, trust=trust, how=how, phases_ms=spent):
            return _of_vm(where, happened, vm, image=image, size=size, trust=trust, how=how, spent=spent)
        case host.VmDestroyed(vm=vm, why=why, attempt=attempt):
            return _of_vm(where, happened, vm, attempt=attempt, why=why)
        case host.VmKept(vm=vm, what=what, attempt=attempt, size_bytes=size_bytes):
            return _of_vm(where, happened, vm, attempt=attempt, why=what, size_bytes=integer(size_bytes))
        case host.VmNotKept(attempt=attempt, why=why):
            return _of_vm(where, happened, "", attempt=attempt, why=why)
        case host.VmReaped(vm=vm, what=what):
            return _of_vm(where, happened, vm, why=what)
        case host.DebugOpened(vm=vm, attempt=attempt, by=by):
            return _of_vm(where, happened, vm, attempt=attempt, why=f"by {by}")


def _of_host(where: Where, happened: host.HostJoined | host.HostDraining | host.HostLeft) -> HostFact:
    driver = group = None
    slots: int | None = None
    memory_mib: int | None = None
    why = ""
    match happened:
        case host.HostJoined():
            driver, slots = text(happened.driver), integer(happened.slots)
            memory_mib, group = integer(happened.memory_mib), text(happened.group)
        case host.HostDraining():
            why = ("undrained by " if happened.undrained else "drained by ") + happened.by
        case host.HostLeft():
            why = happened.why
    return HostFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        host=_host_id(where),
        type=type(happened).__name__,
        driver=driver,
        slots=slots,
        memory_mib=memory_mib,
        group=group,
        why=text(why),
    )


def _of_vm(
    where: Where,
    happened: host.HostEvent,
    vm: str,
    *,
    image: str | None = None,
    size: Size | None = None,
    trust: str | None = None,
    how: str | None = None,
    spent: dict[str, float] | None = None,
    attempt: str = "",
    size_bytes: int | None = None,
    why: str = "",
) -> VmFact:
    ready_ms, phases_said = (None, None) if spent is None else phases(spent)
    served = _served(attempt)
    return VmFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        host=_host_id(where),
        type=type(happened).__name__,
        vm=text(vm),
        image=None if image is None else text(image),
        cpus=None if size is None else integer(size.cpus),
        memory_mib=None if size is None else integer(size.memory_mib),
        trust=trust,
        how=how,
        ready_ms=ready_ms,
        phases=phases_said,
        run_id=None if served is None else integer(served.run_id),
        job=None if served is None else text(served.job),
        n=None if served is None else integer(served.n),
        bytes=size_bytes,
        why=text(why),
    )


def _served(attempt: str) -> subjects.AttemptAddress | None:
    with contextlib.suppress(ValueError):
        return subjects.parse_attempt(attempt)
    return None


def _host_id(where: Where) -> str:
    return text(where.stored.subject.rpartition(".")[2])
