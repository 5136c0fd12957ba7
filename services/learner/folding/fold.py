"""One stored message becomes facts: pure, without state, and total: whatever a message holds, it never raises.

A projection skips and counts what it does not know. What it knows and does not keep (a step's start, a queue's
assignment of numbers) is neither a fact nor skipped.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from libs.bus.port import Stored
from libs.contracts import blobs, envelope
from services.learner.folding.facts import Fact
from services.learner.folding.fold_attempts import attempt_fact, attempt_facts
from services.learner.folding.fold_hosts import host_fact
from services.learner.folding.fold_intake import delivery_fact, intake_fact, opt_ins_fact
from services.learner.folding.fold_learned import advice_facts, recognition_fact
from services.learner.folding.fold_model import model_fact
from services.learner.folding.fold_runs import run_fact
from services.learner.folding.place import Where, microseconds, text

UNDECODABLE = "(undecodable)"


class Folded(msgspec.Struct, frozen=True, gc=False):
    """`skipped` are types that were not understood; `plan` is a run's plan that stands in a blob and was not read."""

    facts: tuple[Fact, ...] = ()
    skipped: tuple[str, ...] = ()
    plan: blobs.BlobRef | None = None


NOTHING = Folded()
_Reader = Callable[[Where, msgspec.Raw, bytes | None], Fact | tuple[Fact, ...] | blobs.BlobRef | None]
_READERS: dict[str, _Reader] = {
    "raw": delivery_fact,
    "intake": intake_fact,
    "run": run_fact,
    "attempt": attempt_fact,
    "host": host_fact,
    "workflow": opt_ins_fact,
    "advice": advice_facts,
    "recognition": recognition_fact,
    "model": model_fact,
}
"""By aggregate. The others (groups, reports) say nothing that is analysed."""


def fold(stored: Stored, plan_bytes: bytes | None = None) -> Folded:
    """The facts of one message of DELIVERIES or EVENTS. `plan_bytes` is the blob that `Folded.plan` asked for."""
    aggregate = _aggregate(stored.subject)
    if aggregate == "attempt" and (known := attempt_facts(stored)) is not None:
        return Folded(known) if known else NOTHING
    read = _READERS.get(aggregate)
    if read is None:
        return NOTHING
    try:
        commit = envelope.decode_commit(stored.data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Folded(skipped=(UNDECODABLE,))
    at = microseconds(stored.time)
    facts: list[Fact] = []
    skipped: list[str] = []
    blob: blobs.BlobRef | None = None
    for place, event in enumerate(commit.events):
        try:
            fact = read(Where(stored, commit.cause, stored.seq, place, at), event, plan_bytes)
        except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
            skipped.append(_type_of(event))
            continue
        if isinstance(fact, blobs.BlobRef):
            blob = fact
        elif isinstance(fact, tuple):
            facts.extend(fact)
        elif fact is not None:
            facts.append(fact)
    return Folded(tuple(facts), tuple(skipped), blob)


def _aggregate(subject: str) -> str:
    first, _, rest = subject.partition(".")
    return rest.partition(".")[0] if first == "ev" else first


def _type_of(event: msgspec.Raw) -> str:
    try:
        return text(envelope.type_of(event))[:100]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return UNDECODABLE
