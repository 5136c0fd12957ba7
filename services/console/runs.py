"""Runs and attempts as views, from what the projection holds of them. The fold itself is `libs.views`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.contracts import subjects
from libs.contracts.blobs import BlobRef
from libs.contracts.envelope import Commit
from libs.contracts.ids import HostId, JobKey, RunId
from libs.contracts.plan import Plan
from libs.views.fold import apply, take_plan
from libs.views.run import AttemptView, RunView
from services.console.queries import Queries

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the time of an attempt of which the log holds nothing yet; nobody shows it."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One attempt at a job: where its events and its log are."""

    run_id: RunId
    owner: str
    repo: str
    job: JobKey
    n: int
    host: HostId

    @property
    def subject(self) -> str:
        return subjects.attempt(self.host, subjects.RunAddress(self.owner, self.repo, self.run_id), self.job, self.n)

    @property
    def log_subject(self) -> str:
        return subjects.log(self.host, self.run_id, self.job, self.n)


@dataclass(frozen=True, slots=True)
class Runs:
    """`plan` fetches the plan that is in a blob, or None where it cannot be had."""

    queries: Queries
    plan: Callable[[BlobRef], Awaitable[Plan | None]]

    async def view(self, run_id: RunId) -> RunView | None:
        """A run as it is now; None where the log holds none of that id."""
        commits = await asyncio.to_thread(self.queries.commits, run_id)
        if not commits:
            return None
        view = apply(None, commits[0])
        if view is not None and view.plan is None and view.plan_blob is not None:
            # Before the other events: a job of a matrix then replaces the one that stood for all of them.
            plan = await self.plan(view.plan_blob)
            if plan is not None:
                take_plan(view, plan)
        return await asyncio.to_thread(_folded, view, commits[1:])

    async def attempt(self, tried: Tried) -> AttemptView:
        """One attempt as it is now, without folding the rest of its run."""
        commits = await asyncio.to_thread(self.queries.attempt_commits, tried.run_id, tried.job, tried.n)
        return attempt_of(tried, commits)


def attempt_of(tried: Tried, commits: Iterable[Commit]) -> AttemptView:
    """The shared fold of one attempt, in a run that has nothing else."""
    view = RunView(tried.run_id, tried.owner, tried.repo)
    attempt: AttemptView | None = None
    for commit in commits:
        if attempt is None:
            attempt = AttemptView(tried.n, tried.host, commit.time)
            view.job_of(tried.job).attempts.append(attempt)
        apply(view, commit)
    return attempt or AttemptView(tried.n, tried.host, BEGINNING)


def tried(view: RunView, attempt: AttemptView, job: JobKey) -> Tried:
    return Tried(view.run_id, view.owner, view.repo, job, attempt.n, attempt.host)


def _folded(view: RunView | None, commits: list[Commit]) -> RunView | None:
    for commit in commits:
        view = apply(view, commit)
    return view
