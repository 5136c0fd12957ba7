"""A job's environment: its name, and the protection that keeps the job waiting or out.

An environment that nobody set is not protected, as on GitHub.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from libs.contracts.environments import MAX_NAME_CHARACTERS, Protection
from libs.contracts.ids import JobKey
from libs.contracts.plan import PlannedJob
from libs.contracts.run import ApprovalRequested, RunEvent
from libs.workflow.expressions import (
    ExpressionError,
    HashFilesWanted,
    Scope,
    availability_of,
    evaluate_string,
    to_string,
)
from libs.workflow.globs import GlobError, compile_glob, selected
from services.scheduler.ending import finish
from services.scheduler.job_keys import BadKey
from services.scheduler.run_state import Hold, Job, Run
from services.scheduler.situation import Situation

APPROVAL_DAYS = 30
"""GitHub fails a job that waited so long for its approval."""


def environment_of(planned: PlannedJob, scope: Scope) -> str:
    """The name, evaluated; empty for a job without one. Raises BadKey."""
    if planned.environment is None:
        return ""
    where = f"`environment` of job {planned.id} (line {planned.line})"
    try:
        value = evaluate_string(planned.environment.name, scope, availability_of("jobs.<job_id>.environment"))
    except (ExpressionError, HashFilesWanted) as error:
        raise BadKey(f"{where}: {error}") from None
    # All of `environment` may be one expression that gives the mapping.
    named = value.get("name") if isinstance(value, dict) else value
    if isinstance(named, dict | list):
        raise BadKey(f"{where}: its name must be text")
    name = to_string(named).strip()
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadKey(f"{where}: {MAX_NAME_CHARACTERS} characters at most")
    return name


def protected(run: Run, job: Job, scope: Scope, situation: Situation) -> list[RunEvent] | None:
    """None where nothing keeps the job; else what is to be said, which is nothing while it waits. Raises BadKey."""
    name = environment_of(run.planned[job.job_id], scope)
    if not name:
        return None
    if job.hold is not None:
        return _held(job, job.hold, situation.now)
    if situation.environments is None:
        return []
    rules = situation.environments.protections.get(name.lower())
    if rules is None:
        return None
    if not _ref_allowed(rules, run.plan.ref):
        return [finish(job, "failure", f"{run.plan.ref} may not use the environment {name}: its rules name other refs")]
    if not rules.reviewers and not rules.wait_minutes:
        return None
    return [ApprovalRequested(job.key, name, rules.reviewers, rules.wait_minutes, rules.prevent_self_review)]


def wait_until(hold: Hold) -> datetime:
    return hold.since + timedelta(minutes=hold.wait_minutes)


def awaits_review(job: Job) -> bool:
    hold = job.hold
    return job.phase == "waiting" and hold is not None and bool(hold.reviewers) and not (hold.approved or hold.denied)


def waits_for_time(job: Job, now: datetime) -> bool:
    """Nobody has to approve it, or somebody did; its wait timer still runs."""
    hold = job.hold
    return job.phase == "waiting" and hold is not None and not awaits_review(job) and now < wait_until(hold)


def wants_environments(run: Run) -> bool:
    """Whether the rules of the repository's environments are needed to go on: some job may stand before one."""
    return not run.over and any(
        job.phase == "waiting" and job.hold is None and run.planned[job.job_id].environment is not None
        for job in run.jobs.values()
    )


def _held(job: Job, hold: Hold, now: datetime) -> list[RunEvent] | None:
    if hold.denied:
        return [finish(job, "failure", hold.denied)]
    if hold.reviewers and not hold.approved:
        if now < hold.since + timedelta(days=APPROVAL_DAYS):
            return []
        return [finish(job, "failure", f"nobody approved it for {hold.environment} within {APPROVAL_DAYS} days")]
    return None if now >= wait_until(hold) else []


def _ref_allowed(rules: Protection, ref: str) -> bool:
    """A pattern that begins with `refs/` is compared with the whole ref, another with the name of a branch."""
    if not rules.branches:
        return True
    full = [pattern for pattern in rules.branches if pattern.startswith("refs/")]
    short = [pattern for pattern in rules.branches if not pattern.startswith("refs/")]
    branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else ""
    return _matches(full, ref) or (bool(branch) and _matches(short, branch))


def _matches(patterns: list[str], text: str) -> bool:
    try:
        return selected([compile_glob(pattern) for pattern in patterns], text)
    except GlobError:
        return False  # a rule that cannot be read lets nobody in


def held_in(run: Run, environment: str) -> tuple[JobKey, ...]:
    """The jobs that wait for this environment's approval."""
    return tuple(
        job.key
        for job in run.jobs.values()
        if awaits_review(job) and job.hold is not None and job.hold.environment.lower() == environment.lower()
    )
