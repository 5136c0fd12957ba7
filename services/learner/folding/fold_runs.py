"""A run's events as facts."""

from __future__ import annotations

from functools import lru_cache

import msgspec
from msgspec.structs import replace

from libs.contracts import blobs, run, subjects
from services.learner.folding.facts import Fact, JobFact, PlanFact, RunFact, TimeoutFact
from services.learner.folding.heads import PlanHead, PlannedHead
from services.learner.folding.place import SUBJECTS_KEPT, Where, integer, listed, text

_RunEvent = (
    PlannedHead
    | run.RunStarted
    | run.MatrixExpanded
    | run.CallExpanded
    | run.GroupRequested
    | run.ApprovalRequested
    | run.ApprovalGranted
    | run.ApprovalDenied
    | run.TimeoutAdjusted
    | run.JobQueued
    | run.JobAssigned
    | run.JobSkipped
    | run.JobCancelRequested
    | run.JobFinished
    | run.RunCancelRequested
    | run.RunRerun
    | run.CommandRejected
    | run.RunFinished
)
_runs: msgspec.json.Decoder[_RunEvent] = msgspec.json.Decoder(_RunEvent)
_plans = msgspec.json.Decoder(PlanHead)


@lru_cache(maxsize=SUBJECTS_KEPT)
def _run_id(subject: str) -> int:
    return subjects.parse_run(subject).run_id


def run_fact(where: Where, event: msgspec.Raw, plan_bytes: bytes | None) -> Fact | blobs.BlobRef | None:
    happened = _runs.decode(event)
    run_id = _run_id(where.stored.subject)
    match happened:
        case PlannedHead():
            return _planned(where, run_id, happened, plan_bytes)
        case run.RunStarted() | run.RunRerun():
            return _run_fact(where, run_id, happened, happened.run_attempt)
        case run.RunCancelRequested(reason=reason, by=by):
            return _run_fact(where, run_id, happened, 0, why=f"{reason} by {by}")
        case run.RunFinished():
            return RunFact(
                where.seq,
                where.place,
                where.stored_at,
                run_id,
                "RunFinished",
                integer(happened.run_attempt),
                happened.conclusion,
                integer(happened.steps_run),
                text(happened.why),
            )
        case run.CallExpanded(job=job, job_id=job_id, name=name, run_attempt=run_attempt):
            fact = _job_fact(where, run_id, happened, job, job_id=job_id, name=name)
            return replace(fact, run_attempt=integer(run_attempt))
        case run.JobQueued(job=job, job_id=job_id, name=name, why=why):
            fact = _job_fact(where, run_id, happened, job, job_id=job_id, name=name, why=why)
            return replace(
                fact,
                run_attempt=integer(happened.run_attempt),
                timeout_ms=integer(happened.timeout_ms),
                labels=listed(happened.labels),
                retry_of=integer(happened.retry_of) or None,
            )
        case run.TimeoutAdjusted():
            return _adjusted(where, run_id, happened)
        case run.JobSkipped(job=job, job_id=job_id, name=name, why=why):
            return _job_fact(where, run_id, happened, job, job_id=job_id, name=name, why=why, result="skip")
        case run.JobAssigned(job=job, n=n, host=host_id):
            return _job_fact(where, run_id, happened, job, n=n, host_id=host_id)
        case run.JobCancelRequested(job=job, n=n, reason=reason):
            return _job_fact(where, run_id, happened, job, n=n, why=reason)
        case run.JobFinished():
            return JobFact(
                where.seq,
                where.place,
                where.stored_at,
                run_id,
                text(happened.job),
                text(happened.job_id),
                text(happened.name),
                "JobFinished",
                integer(happened.n),
                None,
                happened.outcome,
                happened.conclusion,
                text(happened.why),
                retries=integer(happened.retries),
            )
        case (
            run.MatrixExpanded()
            | run.GroupRequested()
            | run.ApprovalRequested()
            | run.ApprovalGranted()
            | run.ApprovalDenied()
            | run.CommandRejected()
        ):
            return None


def _planned(where: Where, run_id: int, planned: PlannedHead, plan_bytes: bytes | None) -> Fact | blobs.BlobRef | None:
    head = planned.plan
    if head is None:
        if plan_bytes is None:
            return planned.plan_blob
        head = _plans.decode(plan_bytes)
    return PlanFact(
        seq=where.seq,
        stored_at=where.stored_at,
        run_id=run_id,
        repository_id=integer(head.repository.id),
        repository=text(f"{head.repository.owner}/{head.repository.name}"),
        path=text(head.workflow_path),
        workflow=text(head.workflow_name),
        number=integer(head.run_number),
        event=text(head.event),
        sha=text(head.sha),
        ref=text(head.ref),
        run_name=text(head.run_name),
        actor=text(head.actor),
        trust=head.trust,
        pull_request=None if head.pull_request is None else integer(head.pull_request),
        cause=text(where.cause),
        lockfiles=listed(head.lockfiles),
        trial=text(head.trial),
        private=head.repository.private,
    )


def _adjusted(where: Where, run_id: int, happened: run.TimeoutAdjusted) -> TimeoutFact:
    evidence = happened.evidence
    return TimeoutFact(
        seq=where.seq,
        place=where.place,
        stored_at=where.stored_at,
        run_id=run_id,
        job=text(happened.job),
        run_attempt=integer(happened.run_attempt),
        from_ms=integer(happened.from_ms),
        to_ms=integer(happened.to_ms),
        rule=text(evidence.rule),
        n=integer(evidence.n),
        longest_ms=evidence.longest_ms,
        upper_ms=evidence.upper_ms,
        kills=integer(evidence.kills),
        position=integer(evidence.position),
    )


def _run_fact(where: Where, run_id: int, happened: msgspec.Struct, run_attempt: int, why: str = "") -> RunFact:
    kind = type(happened).__name__
    return RunFact(where.seq, where.place, where.stored_at, run_id, kind, integer(run_attempt), None, None, text(why))


def _job_fact(
    where: Where,
    run_id: int,
    happened: msgspec.Struct,
    job: str,
    *,
    job_id: str = "",
    name: str = "",
    n: int | None = None,
    host_id: str | None = None,
    why: str = "",
    result: str | None = None,
) -> JobFact:
    return JobFact(
        where.seq,
        where.place,
        where.stored_at,
        run_id,
        text(job),
        text(job_id),
        text(name),
        type(happened).__name__,
        None if n is None else integer(n),
        None if host_id is None else text(host_id),
        result,
        result,
        text(why),
    )
