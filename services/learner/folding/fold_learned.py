"""Advice, what became of it, and failures that were recognized, as facts: the learner's own events, like all others."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from libs.contracts import advice, recognition, subjects
from services.learner.folding.facts import Fact
from services.learner.folding.facts_learned import AdviceFact, EffectFact, RecognitionFact
from services.learner.folding.place import Where, integer, microseconds, small, text

_advice: msgspec.json.Decoder[advice.AdviceEvent] = msgspec.json.Decoder(advice.AdviceEvent)
_recognitions = msgspec.json.Decoder(recognition.FailureRecognized)
NO_ADVICE = "none"


def advice_facts(where: Where, event: msgspec.Raw, _: bytes | None) -> tuple[Fact, ...]:
    happened = _advice.decode(event)
    if isinstance(happened, advice.AdviceMeasured):
        return (_effect(where, happened),)
    head = AdviceFact(
        seq=where.seq,
        place=where.place,
        piece=0,
        stored_at=where.stored_at,
        position=integer(happened.position),
        repository_id=_repository(where),
        repository=text(happened.repository),
        kind=NO_ADVICE,
    )
    return tuple(_piece(replace(head, piece=number), one) for number, one in enumerate(happened.advice)) or (head,)


def _piece(head: AdviceFact, given: advice.Advice) -> AdviceFact:
    match given:
        case advice.PoolAdvice():
            return replace(
                head,
                kind="pool",
                host=text(given.host),
                trust=given.trust,
                size=None if given.size is None else str(given.size),
                target=small(given.target),
                rate_per_hour=given.rate_per_hour,
                dispersion=given.dispersion,
                n=small(given.windows),
            )
        case advice.TimeoutAdvice() | advice.DurationAdvice() | advice.FlakyAdvice() | advice.CacheAdvice():
            of_job = replace(head, path=text(given.path), job=text(given.job), name=text(given.name))
            return _of_job(of_job, given)


def _of_job(
    head: AdviceFact, given: advice.TimeoutAdvice | advice.DurationAdvice | advice.FlakyAdvice | advice.CacheAdvice
) -> AdviceFact:
    match given:
        case advice.TimeoutAdvice():
            return replace(
                head,
                kind="timeout",
                n=small(given.n),
                limit_ms=float(given.limit_ms),
                rule=given.rule,
                longest_ms=given.longest_ms,
                upper_ms=given.upper_ms,
                kills=small(given.kills),
            )
        case advice.DurationAdvice():
            return replace(
                head,
                kind="duration",
                n=small(given.n),
                expected_ms=given.expected_ms,
                failed_lately=given.failed_lately,
            )
        case advice.FlakyAdvice():
            return replace(
                head,
                kind="flaky",
                step=text(given.step),
                state=given.state,
                commits=len(given.commits),
                lower_bound=given.lower_bound,
                clean_runs=small(given.clean_runs),
                last=microseconds(given.last),
            )
        case advice.CacheAdvice():
            return replace(
                head,
                kind="cache",
                step=text(given.step),
                n=small(given.n),
                tool=text(given.tool),
                lockfile=text(given.lockfile),
                cached=text(given.cached),
                key=text(given.key),
                action=text(given.action),
                install_ms=given.install_ms,
                saving_ms=given.saving_ms,
            )


def _effect(where: Where, measured: advice.AdviceMeasured) -> EffectFact:
    return EffectFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        repository_id=_repository(where),
        kind=measured.kind,
        path=text(measured.path),
        job=text(measured.job),
        step=text(measured.step),
        since=microseconds(measured.since),
        until=microseconds(measured.until),
        seen=small(measured.seen),
        applied=small(measured.applied),
        right=small(measured.right),
        wrong=small(measured.wrong),
        saved_ms=measured.saved_ms,
        error_ms=measured.error_ms,
    )


def recognition_fact(where: Where, event: msgspec.Raw, _: bytes | None) -> Fact:
    happened = _recognitions.decode(event)
    return RecognitionFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        run_id=integer(int(where.stored.subject.rpartition(".")[2])),
        job=text(happened.job),
        run_attempt=integer(happened.run_attempt),
        n=integer(happened.n),
        step=integer(happened.step),
        name=text(happened.name),
        fingerprint=text(happened.fingerprint),
        runs=small(happened.runs),
        since=None if happened.since is None else microseconds(happened.since),
        last=None if happened.last is None else microseconds(happened.last),
        repositories=len(happened.repositories),
        others=small(happened.others),
        broke_sha=text(happened.broke_sha),
        mended_sha=text(happened.mended_sha),
        mended_at=None if happened.mended_at is None else microseconds(happened.mended_at),
    )


def _repository(where: Where) -> int | None:
    """None for what is said to the hosts. Raises ValueError for what is no subject of advice."""
    if where.stored.subject == subjects.ADVICE_FOR_HOSTS:
        return None
    return integer(int(where.stored.subject.rpartition(".")[2]))
