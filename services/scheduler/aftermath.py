"""What follows from an attempt that is over: the job's verdict, or another attempt and why.

An `error` is ours and is tried again, on another host where there is one; a `failure` is the user's and is not, unless
the job is known to be flaky and its repository opted into that.
"""

from __future__ import annotations

from msgspec.structs import replace

from libs.contracts.results import Result
from libs.contracts.run import JobQueued, RunEvent
from services.scheduler.ending import finish, told
from services.scheduler.flaky import known_flaky, told_retries, why_again
from services.scheduler.learned import Learned
from services.scheduler.limits import over_limit, with_limit
from services.scheduler.policy import MAX_REFUSALS, MAX_TRIES, cancel_seconds
from services.scheduler.run_state import Attempt, Job, Run
from services.scheduler.verdict import verdict_of


def after_attempt(run: Run, job: Job, learned: Learned) -> list[RunEvent]:
    """Nothing where the job has no attempt that is over."""
    attempt = job.attempt
    if job.phase != "ended" or attempt is None or attempt.end is None:
        return []
    match attempt.end:
        case "finished":
            return _after_end(run, job, attempt, learned)
        case "lost":
            return _after_loss(run, job, attempt, learned)
        case "refused":
            return _after_refusal(run, job, attempt, learned)


def _after_end(run: Run, job: Job, attempt: Attempt, learned: Learned) -> list[RunEvent]:
    verdict = verdict_of(run.planned[job.job_id], job, attempt)
    if verdict.again and _may_retry(job):
        return with_limit(
            run, _again(run, job, attempt, f"attempt {attempt.n} on {attempt.host}: {verdict.why}"), learned
        )
    advice = known_flaky(run, job, attempt, learned) if verdict.outcome == "failure" else None
    if advice is not None:
        queued = _again(run, job, attempt, told(why_again(attempt, advice, verdict.why)), failed=False)
        return with_limit(run, replace(queued, retry_of=attempt.n), learned)
    why = told_retries(job, verdict.outcome, attempt, verdict.why)
    return [finish(job, verdict.outcome, why, attempt)]


def _after_loss(run: Run, job: Job, attempt: Attempt, learned: Learned) -> list[RunEvent]:
    """Without a sandbox that is thrown away, what a step did is still there: such a job is not run twice."""
    why = f"attempt {attempt.n} on {attempt.host} was lost: {attempt.why}"
    if job.cancel is not None:
        return [finish(job, *_cancelled_and_lost(job, attempt, why), attempt)]
    begun = attempt.steps_started or attempt.steps
    if attempt.driver == "host" and begun:
        why += "; the driver `host` has no sandbox, and a step had started: it is not run again"
        return [finish(job, "error", why, attempt)]
    if not _may_retry(job):
        return [finish(job, "error", why, attempt)]
    return with_limit(run, _again(run, job, attempt, why), learned)


def _cancelled_and_lost(job: Job, attempt: Attempt, why: str) -> tuple[Result, str]:
    if job.cancel == "timeout":
        return "timeout", f"{over_limit(job)}, and {why}"
    assert job.cancel_at is not None
    assert attempt.ended_at is not None
    unanswered = (attempt.ended_at - job.cancel_at).total_seconds() >= cancel_seconds(job.cancel_timeout_ms)
    return ("error" if unanswered else "cancellation"), f"it was to be cancelled ({job.cancel}), and {why}"


def _after_refusal(run: Run, job: Job, attempt: Attempt, learned: Learned) -> list[RunEvent]:
    """Nobody's error: it waits again. Where no host is left that could take it is seen by `unserved`."""
    why = f"{attempt.host} refused it: {attempt.why}"
    if job.cancel is not None:
        outcome: Result = "timeout" if job.cancel == "timeout" else "cancellation"
        return [finish(job, outcome, f"it was to be cancelled ({job.cancel}), and {why}", attempt)]
    if job.refusals > MAX_REFUSALS:
        return [finish(job, "error", f"refused {job.refusals} times; at last {why}", attempt)]
    return with_limit(run, _again(run, job, attempt, why, failed=False), learned)


def _may_retry(job: Job) -> bool:
    """What failed as known to be flaky was no error of ours."""
    return job.tries - job.retries < MAX_TRIES and job.cancel is None


def _again(run: Run, job: Job, attempt: Attempt, why: str, *, failed: bool = True) -> JobQueued:
    avoid = failed and attempt.host not in job.not_hosts
    return JobQueued(
        job=job.key,
        job_id=job.job_id,
        name=job.name,
        labels=job.labels,
        host_group=job.host_group,
        timeout_ms=job.declared_ms,
        continue_on_error=job.continue_on_error,
        cancel_timeout_ms=job.cancel_timeout_ms,
        run_attempt=run.run_attempt,
        why=why,
        not_hosts=(*job.not_hosts, attempt.host) if avoid else job.not_hosts,
        environment=job.environment,
    )
