"""One look at the runs that changed: what follows for each, who goes where, and the commits that come of it. No I/O.

Runs with a commit of ours under way are left alone until it is read back: what is decided rests on what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from libs.contracts.ids import RepositoryId, RunId
from libs.contracts.run import RunEvent, RunFinished
from libs.contracts.timers import JobDeadline, RunDeadline, WaitOver
from services.scheduler.commands import decide_command, decide_timer
from services.scheduler.decide import decide
from services.scheduler.evolve import evolve
from services.scheduler.gates.environments import wants_environments
from services.scheduler.learned import Learned
from services.scheduler.place import Usage, Waiting, place
from services.scheduler.run_state import Run
from services.scheduler.shell.inbox import Asked
from services.scheduler.shell.index import Index, Tracked
from services.scheduler.situation import Situation
from services.scheduler.wants import assigned, queued


@dataclass(slots=True)
class Draft:
    """A commit to be: its events, and the state after them."""

    tracked: Tracked
    events: list[RunEvent]
    run: Run | None


class Rounds:
    """`_waiting` are the queued jobs of each run that has some, as of its last look: placement looks at all of them,
    whichever run changed. `known` is what was learned of a repository's jobs.
    """

    def __init__(self, index: Index, known: Callable[[RepositoryId], Learned]) -> None:
        self._index, self._known = index, known
        self._waiting: dict[RunId, list[Waiting]] = {}
        self.asked: dict[RunId, list[Asked]] = {}
        self.unread: set[RunId] = set()
        """Runs of which a job may stand before an environment that nobody looked up yet."""

    @property
    def waiting_jobs(self) -> int:
        return sum(len(jobs) for jobs in self._waiting.values())

    def drafts(self, touched: Iterable[RunId], situation: Situation) -> list[Draft]:
        """The commits that follow now, at most one a run."""
        drafts: dict[RunId, Draft] = {}
        for run_id in touched:
            tracked = self._index.runs.get(run_id)
            if tracked is None:
                self._waiting.pop(run_id, None)
                continue
            if not tracked.idle:
                continue
            draft = self._draft(tracked, situation)
            self._note_waiting(draft.run, run_id)
            if draft.events:
                drafts[run_id] = draft
        self._place(drafts, situation)
        return list(drafts.values())

    def _draft(self, tracked: Tracked, situation: Situation) -> Draft:
        if tracked.broken:
            return _end_of_broken(tracked)
        assert tracked.run is not None
        try:
            known = self._known(tracked.run.plan.repository.id)
            mine = replace(situation, environments=tracked.environments, learned=known)
            draft = self._decided(tracked, tracked.run, mine)
            if tracked.environments is None and draft.run is not None and wants_environments(draft.run):
                self.unread.add(tracked.address.run_id)
            return draft
        except Exception as error:  # a bug in a decision must not stop the decisions about all other runs
            tracked.broken = f"{type(error).__name__}: {error}"
            return _end_of_broken(tracked)

    def _decided(self, tracked: Tracked, run: Run, situation: Situation) -> Draft:
        events: list[RunEvent] = []
        for asked in list(self.asked.get(run.id, ())):
            answer = _answer(run, asked)
            if not answer:
                self._answered(asked)
            for event in answer:
                run = evolve(run, event, situation.now)
            events += answer
        following = decide(run, situation)
        for event in following:
            run = evolve(run, event, situation.now)
        return Draft(tracked, events + following, run)

    def _answered(self, asked: Asked) -> None:
        mine = self.asked[asked.run_id]
        mine.remove(asked)
        if not mine:
            del self.asked[asked.run_id]
        asked.answer("")

    def _note_waiting(self, run: Run | None, run_id: RunId) -> None:
        waiting = queued(run, self._known(run.plan.repository.id)) if run is not None else []
        if waiting:
            self._waiting[run_id] = waiting
        else:
            self._waiting.pop(run_id, None)

    def _place(self, drafts: dict[RunId, Draft], situation: Situation) -> None:
        usage = self._index.usage
        if not self._waiting or not _any_room(situation, usage):
            return
        for assignment in place(self._candidates(), situation.fleet, usage):
            draft = drafts.get(assignment.run_id)
            if draft is None:
                tracked = self._index.runs[assignment.run_id]
                draft = drafts[assignment.run_id] = Draft(tracked, [], tracked.run)
            assert draft.run is not None
            event = assigned(draft.run, draft.run.jobs[assignment.job], assignment.host)
            draft.events.append(event)
            draft.run = evolve(draft.run, event, situation.now)

    def _candidates(self) -> list[Waiting]:
        """A run with a commit under way has its turn when that is read back."""
        gone = [run_id for run_id in self._waiting if run_id not in self._index.runs]
        for run_id in gone:
            del self._waiting[run_id]
        idle = (jobs for run_id, jobs in self._waiting.items() if self._index.runs[run_id].idle)
        return [job for jobs in idle for job in jobs]


def _answer(run: Run, asked: Asked) -> list[RunEvent]:
    if isinstance(asked.what, JobDeadline | RunDeadline | WaitOver):
        return decide_timer(run, asked.what)
    return decide_command(run, asked.what)


def _end_of_broken(tracked: Tracked) -> Draft:
    """Its end, so that nobody waits for it; but not where a newer version may still understand it."""
    if tracked.halted:
        return Draft(tracked, [], None)
    run_attempt = tracked.run.run_attempt if tracked.run is not None else 1
    why = f"the run's events cannot be understood: {tracked.broken}"
    return Draft(tracked, [RunFinished("error", run_attempt, 0, why)], None)


def _any_room(situation: Situation, usage: Usage) -> bool:
    return any(
        host.open and not host.full and usage.hosts.get(host.id, 0) < host.slots for host in situation.fleet.values()
    )
