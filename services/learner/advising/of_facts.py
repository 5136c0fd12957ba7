"""Facts of the newest batch as what advice is made of. What says nothing to it is None. Pure."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from libs.contracts.plan import Trust
from libs.contracts.results import Result
from libs.contracts.size import Size
from services.learner.advising.seen import (
    AttemptEnded,
    HostJoined,
    JobEnded,
    JobQueued,
    LimitAdjusted,
    MachineReady,
    RunEnded,
    RunPlanned,
    Seen,
    StepEnded,
)
from services.learner.folding.facts import (
    AttemptFact,
    Fact,
    HostFact,
    JobFact,
    PlanFact,
    RunFact,
    StepFact,
    TimeoutFact,
)
from services.learner.learning.caches import is_cache, is_install

COMMANDS_KEPT = 10_000
MACHINES = frozenset({"pooled", "restored", "booted"})
"""How a machine came to be; a sandbox that is no machine (`spawned`) never stands ready."""


def seen_of(fact: Fact) -> Seen | None:
    match fact:
        case StepFact():
            return step_seen(fact) if _tells(fact) else None
        case JobFact():
            return _job_seen(fact)
        case AttemptFact():
            return _attempt_seen(fact)
        case RunFact(type="RunFinished", conclusion=str(conclusion)):
            return RunEnded(fact.seq, seconds(fact.stored_at), fact.run_id, cast("Result", conclusion))
        case PlanFact():
            return _plan_seen(fact)
        case TimeoutFact():
            return LimitAdjusted(fact.seq, fact.run_id, fact.job, float(fact.to_ms))
        case HostFact(type="HostJoined", slots=int(slots)):
            return HostJoined(fact.seq, fact.host, slots)
        case _:
            return None


def seconds(microseconds: int) -> float:
    return microseconds / 1e6


@lru_cache(maxsize=COMMANDS_KEPT)
def is_telling(command: str) -> bool:
    """Whether a step that went well is of interest: an install, or a cache."""
    return is_install(command) or is_cache(command)


def _tells(step: StepFact) -> bool:
    return step.part == "main" and (step.outcome == "failure" or is_telling(step.command))


def step_seen(step: StepFact) -> StepEnded:
    return StepEnded(
        seq=step.seq,
        run_id=step.run_id,
        job=step.job,
        n=step.n,
        index=step.step,
        name=step.name,
        outcome=cast("Result", step.outcome),
        counts=step.conclusion == "failure",
        duration_ms=step.duration_ms,
        command=step.command,
    )


def _plan_seen(plan: PlanFact) -> RunPlanned:
    return RunPlanned(
        seq=plan.seq,
        at=seconds(plan.stored_at),
        run_id=plan.run_id,
        repository_id=plan.repository_id,
        repository=plan.repository,
        path=plan.path,
        event=plan.event,
        sha=plan.sha,
        trust=cast("Trust", plan.trust),
        trial=bool(plan.trial),
        lockfiles=lockfiles(plan.lockfiles),
    )


def lockfiles(listed: str) -> tuple[str, ...]:
    return tuple(listed.split(",")) if listed else ()


def _job_seen(job: JobFact) -> Seen | None:
    at = seconds(job.stored_at)
    if job.type == "JobQueued":
        return JobQueued(job.seq, at, job.run_id, job.job, job.name, float(job.timeout_ms or 0), job.retry_of or 0)
    if job.type == "JobFinished" and job.outcome is not None:
        outcome = cast("Result", job.outcome)
        return JobEnded(job.seq, at, job.run_id, job.job, job.name, job.n or 0, outcome, job.retries or 0)
    return None


def _attempt_seen(attempt: AttemptFact) -> Seen | None:
    if attempt.type == "AttemptFinished":
        return AttemptEnded(attempt.seq, attempt.run_id, attempt.job, attempt.n, attempt.duration_ms or 0.0)
    if attempt.type == "VmReady" and attempt.how in MACHINES and attempt.cpus and attempt.memory_mib:
        size = Size(attempt.cpus, attempt.memory_mib)
        at = seconds(attempt.stored_at)
        return MachineReady(attempt.seq, at, attempt.run_id, attempt.host, attempt.how == "pooled", size)
    return None
