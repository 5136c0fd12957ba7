"""A job that is under way: what its attempts have told so far, until it ends and becomes one `Ended`. Bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

from libs.contracts.results import Result
from services.learner.advising.seen import AttemptEnded, JobEnded, RunPlanned, StepEnded
from services.learner.advising.windows import Command, Ended, FailedStep
from services.learner.learning.caches import is_cache, is_install

STEPS_KEPT = 50
"""Failed steps, and commands that are of interest, of one attempt."""
ASKED_BY_HAND = frozenset({"workflow_dispatch", "repository_dispatch"})
"""Runs of one commit by these may have been asked for different things: only attempts of one run are compared."""
TELLING: frozenset[Result] = frozenset({"success", "failure", "timeout", "cancellation"})


@dataclass(slots=True)
class OpenAttempt:
    duration_ms: float = 0.0
    failed: list[FailedStep] = field(default_factory=list[FailedStep])
    over: bool = False
    """A step has failed that makes the job fail."""
    commands: list[Command] = field(default_factory=list[Command])


@dataclass(slots=True)
class OpenJob:
    """Queued, and not ended yet. `attempts` by `n`."""

    name: str
    declared_ms: float
    limit_ms: float = 0.0
    after_failure: bool = False
    failed_before: bool = False
    attempts: dict[int, OpenAttempt] = field(default_factory=dict[int, OpenAttempt])

    def step_ended(self, step: StepEnded) -> None:
        attempt = self.attempts.setdefault(step.n, OpenAttempt())
        if step.outcome == "failure" and not attempt.over and len(attempt.failed) < STEPS_KEPT:
            attempt.failed.append(FailedStep(step.index, step.name))
            attempt.over = step.counts
        telling = step.outcome == "success" and (is_install(step.command) or is_cache(step.command))
        if telling and len(attempt.commands) < STEPS_KEPT:
            attempt.commands.append(Command(step.command, step.name, step.duration_ms))

    def attempt_ended(self, ended: AttemptEnded) -> None:
        self.attempts.setdefault(ended.n, OpenAttempt()).duration_ms = ended.duration_ms

    def ended(self, ended: JobEnded, run: RunPlanned) -> Ended | None:
        """None where it says nothing: it did not run, or the error was ours."""
        attempt = self.attempts.pop(ended.n, None)
        self.failed_before = self.failed_before or self.after_failure or ended.outcome == "failure"
        if attempt is None or ended.outcome not in TELLING:
            return None
        return Ended(
            seq=ended.seq,
            at=ended.at,
            sha=run.sha,
            inputs=f"{run.event} {run.run_id}" if run.event in ASKED_BY_HAND else run.event,
            outcome=ended.outcome,
            duration_ms=attempt.duration_ms,
            declared_ms=self.declared_ms,
            limit_ms=self.limit_ms,
            after_failure=self.after_failure,
            retries=ended.retries,
            failed=tuple(attempt.failed),
            commands=tuple(attempt.commands),
        )
