"""An attempt's events as facts: its own, and its finished steps."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from libs.bus.port import Stored
from libs.contracts import attempt, subjects
from services.learner.folding.facts import AttemptFact, Fact, StepFact
from services.learner.folding.heads import CommitOf
from services.learner.folding.place import SUBJECTS_KEPT, Where, integer, microseconds, phases, text

_attempts: msgspec.json.Decoder[attempt.AttemptEvent] = msgspec.json.Decoder(attempt.AttemptEvent)
_commits: msgspec.json.Decoder[CommitOf[attempt.AttemptEvent]] = msgspec.json.Decoder(CommitOf[attempt.AttemptEvent])


@lru_cache(maxsize=SUBJECTS_KEPT)
def _address(subject: str) -> subjects.AttemptAddress:
    return subjects.parse_attempt(subject)


def attempt_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact | None:
    return _fact(where, _attempts.decode(event))


def attempt_facts(stored: Stored) -> tuple[Fact, ...] | None:
    """A whole commit decoded at once, in half of the time: most messages of a log are of attempts. None where anything
    in it is not understood: then each event is looked at by itself.
    """
    try:
        commit = _commits.decode(stored.data)
        if len(commit.events) == 1 and isinstance(commit.events[0], attempt.StepStarted):
            return ()
        at = microseconds(stored.time)
        facts = [
            _fact(Where(stored, commit.cause, stored.seq, place, at), event)
            for place, event in enumerate(commit.events)
        ]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError):
        return None
    return tuple(fact for fact in facts if fact is not None)


def _fact(where: Where, happened: attempt.AttemptEvent) -> Fact | None:
    address = _address(where.stored.subject)
    driver = conclusion = None
    duration_ms: float | None = None
    lines: int | None = None
    why = ""
    match happened:
        case attempt.StepStarted():
            return None
        case attempt.StepFinished():
            return StepFact(
                where.seq,
                where.place,
                where.stored_at,
                address.run_id,
                text(address.job),
                text(happened.name),
                address.n,
                integer(happened.step),
                happened.outcome,
                happened.conclusion,
                happened.duration_ms,
                None if happened.exit_code is None else integer(happened.exit_code),
                integer(happened.lines),
                len(happened.annotations),
                text(happened.command),
                text(happened.fingerprint),
                text(happened.said),
                happened.category,
                happened.part,
                text(happened.why),
            )
        case attempt.AttemptStarted():
            driver = text(happened.driver)
        case attempt.VmReady():
            return _ready(where, address, happened)
        case attempt.AttemptFinished():
            conclusion, duration_ms, lines = happened.conclusion, happened.duration_ms, integer(happened.lines)
            why = happened.why
        case attempt.AttemptRefused() | attempt.AttemptLost():
            why = happened.why
    return AttemptFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        run_id=address.run_id,
        job=text(address.job),
        n=address.n,
        host=text(address.host),
        type=type(happened).__name__,
        driver=driver,
        how=None,
        ready_ms=None,
        conclusion=conclusion,
        duration_ms=duration_ms,
        lines=lines,
        why=text(why),
    )


def _ready(where: Where, address: subjects.AttemptAddress, happened: attempt.VmReady) -> AttemptFact:
    ready_ms, spent = phases(happened.phases_ms)
    return AttemptFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        run_id=address.run_id,
        job=text(address.job),
        n=address.n,
        host=text(address.host),
        type="VmReady",
        driver=None,
        how=happened.how,
        ready_ms=ready_ms,
        conclusion=None,
        duration_ms=None,
        lines=None,
        why="",
        vm=text(happened.vm) or None,
        image=text(happened.image) or None,
        cpus=None if happened.size is None else integer(happened.size.cpus),
        memory_mib=None if happened.size is None else integer(happened.size.memory_mib),
        phases=spent,
    )
