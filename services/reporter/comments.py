"""Keeps a pull request's one comment: finds it, decides whether this commit may write it, writes it.

GitHub holds the state (`services.reporter.comment`); what is remembered here only spares questions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from libs.contracts import report
from libs.contracts.ids import RunId
from libs.contracts.subjects import RunAddress
from libs.github.rest import Comment, GitHub
from services.reporter.about import About
from services.reporter.comment import CommentState, WantedComment, marker, read_state, wanted_comment
from services.reporter.ledger import Ledger
from services.reporter.log_reader import LogReader
from services.reporter.pacing import Pacing
from services.reporter.recent import Recent
from services.reporter.reported import COMMENT, Reported
from services.reporter.run_view import PlanHead, RunView, head_sha

UPDATE_SECONDS = 10.0
"""Between two updates while jobs are still running; the last one is written at once."""


@dataclass(frozen=True, slots=True)
class Place:
    """A pull request."""

    repository: str
    repository_id: int
    pull_request: int

    @property
    def first_line(self) -> str:
        return marker(self.repository_id, self.pull_request)


@dataclass(frozen=True, slots=True)
class Known:
    """The comment as it is at GitHub; `written` is when this process wrote it, on the monotonic clock."""

    comment_id: int
    state: CommentState | None
    written: float


@dataclass(slots=True)
class Comments:
    github: GitHub
    ledger: Ledger
    pacing: Pacing
    reader: LogReader
    public_url: str
    monotonic: Callable[[], float]
    _known: Recent[Place, Known] = field(default_factory=Recent[Place, Known])
    _locks: WeakValueDictionary[Place, asyncio.Lock] = field(default_factory=WeakValueDictionary[Place, asyncio.Lock])
    _me: str | None = None

    async def post(self, about: About, view: RunView, known: Reported) -> float | None:
        """Seconds until it should be called again, where the comment was put off. Raises Refused, Limited,
        Unreachable, Retry, BusDown.
        """
        plan = view.plan
        if plan is None or plan.pull_request is None or COMMENT in known.refused:
            return None
        place = Place(about.repository, plan.repository.id, plan.pull_request)
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:
            return await self._post(about, view, known, place)

    async def _post(self, about: About, view: RunView, known: Reported, place: Place) -> float | None:
        assert view.plan is not None
        there = self._known.get(place) or await self._find(place, known)
        runs = await self._runs(about.address, view, there.state if there else None)
        if not runs:
            return None
        wanted = wanted_comment(place.first_line, head_sha(view.plan), runs, self.public_url)
        if there is None or there.state != wanted.state:
            early = self._early_seconds(there)
            if early > 0 and not all(run.over for run in runs):
                return early
            there = await self._write(place, there, wanted)
        self._known.put(place, there)
        told = known.comment
        if told is None or (told.comment_id, told.digest) != (there.comment_id, wanted.state.digest):
            event = report.CommentPosted(place.pull_request, there.comment_id, wanted.state.digest)
            await self.ledger.record(about, known, event)
        return None

    async def _runs(self, address: RunAddress, view: RunView, shown: CommentState | None) -> list[RunView]:
        """Those that the comment is to show; empty where a newer commit's stand there."""
        assert view.plan is not None
        sha = head_sha(view.plan)
        wanted: set[RunId] = {view.run_id, *await self.reader.runs_of(view.cause)}
        if shown is not None and shown.sha == sha:
            wanted.update(shown.runs)
        elif shown is not None and shown.planned > view.planned_at:
            return []
        others = [await self.reader.run(address._replace(run_id=run_id)) for run_id in sorted(wanted - {view.run_id})]
        runs = [view, *(run for run in others if run is not None and run.plan and _about(run.plan, view.plan))]
        if all(run.trial for run in runs):
            return []  # nothing but a model's: the comment is about what counts
        for run in runs:
            await self.reader.add_insights(run)
        return runs

    def _early_seconds(self, there: Known | None) -> float:
        return 0.0 if there is None else there.written + UPDATE_SECONDS - self.monotonic()

    async def _write(self, place: Place, there: Known | None, wanted: WantedComment) -> Known:
        self._known.forget(place)  # until it is certain what GitHub has, the next look is at GitHub
        await self.pacing.turn()
        if there is not None and await self.github.update_comment(place.repository, there.comment_id, wanted.body):
            return Known(there.comment_id, wanted.state, self.monotonic())
        if there is not None:
            await self.pacing.turn()
        comment_id = await self.github.create_comment(place.repository, place.pull_request, wanted.body)
        return Known(comment_id, wanted.state, self.monotonic())

    async def _find(self, place: Place, known: Reported) -> Known | None:
        """By the id that the log has, else among all comments: ours begins with the marker and is by us."""
        self._me = self._me or await self.github.login()
        if known.comment is not None:
            comment = await self.github.comment(place.repository, known.comment.comment_id)
            if comment is not None and self._is_ours(place, comment):
                return _known(comment)
        async for comment in self.github.comments(place.repository, place.pull_request):
            if self._is_ours(place, comment):
                return _known(comment)
        return None

    def _is_ours(self, place: Place, comment: Comment) -> bool:
        """An installation's token does not say whose it is; then the author must be an app, which no stranger is."""
        if comment.user is None or not (comment.body or "").startswith(place.first_line):
            return False
        return comment.user.login == self._me if self._me else comment.user.type == "Bot"


def _known(comment: Comment) -> Known:
    return Known(comment.id, read_state(comment.body or ""), float("-inf"))


def _about(plan: PlanHead, other: PlanHead) -> bool:
    """Runs of one pull request at one commit."""
    return plan.pull_request == other.pull_request and head_sha(plan) == head_sha(other)
