"""A world in which everything goes wrong that may: two schedulers that read the same log at their own pace and both
decide, agents that start, die, wake as zombies and lose events, and a log with the bus's real rule of appending.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libs.blobs.memory import MemoryBlobs
from libs.bus.port import Stored
from libs.contracts import envelope, subjects
from libs.contracts.attempt import (
    AttemptEvent,
    AttemptFinished,
    AttemptLost,
    AttemptRefused,
    AttemptStarted,
    StepFinished,
    StepStarted,
)
from libs.contracts.group import GroupChanged
from libs.contracts.host import HostJoined
from libs.contracts.ids import BootId, Cause, CommitId, HostId, RunId, commit_id
from libs.contracts.plan import Plan, PlannedJob
from libs.contracts.results import Result
from libs.contracts.run import JobAssigned, RunEvent, RunPlanned
from libs.contracts.subjects import AttemptAddress
from services.scheduler.decide import Situation, decide
from services.scheduler.learned import NOTHING
from services.scheduler.leases import held
from services.scheduler.shell.clock import Clocks
from services.scheduler.shell.decoding import group_change
from services.scheduler.shell.groups import GroupDraft
from services.scheduler.shell.inbox import Asked
from services.scheduler.shell.index import Index
from services.scheduler.shell.reader import Reader
from services.scheduler.shell.rounds import Draft, Rounds

START = datetime(2026, 11, 24, tzinfo=UTC)
_MATRIX = re.compile(r"[0-9a-f]{8}")
_runs = msgspec.json.Decoder(RunEvent)
_attempts = msgspec.json.Decoder(AttemptEvent)


def now_or_never(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


class Log:
    """EVENTS, with the conditional append of the bus."""

    def __init__(self) -> None:
        self.messages: list[Stored] = []
        self.clock = START
        self.of_runs: list[tuple[RunId, RunEvent]] = []
        """Of all runs, in the order of the log."""
        self.of_groups: dict[str, list[GroupChanged]] = {}
        self._events: dict[str, list[Any]] = {}
        self._last: dict[str, Stored] = {}

    def last(self, subject: str) -> int:
        return self._last[subject].seq if subject in self._last else 0

    def last_message(self, subject: str) -> Stored | None:
        return self._last.get(subject)

    def append(self, subject: str, events: list[Any], expected: int | None, id: CommitId) -> bool:
        """Whether it is stored, now or before."""
        last = self._last.get(subject)
        if last is not None and envelope.decode_commit(last.data).id == id:
            return True
        if expected is not None and expected != self.last(subject):
            return False
        commit = envelope.commit(
            id=id, source="test", subject=subject, cause=Cause("c"), now=self.clock, events=list(events)
        )
        stored = Stored(len(self.messages) + 1, subject, envelope.encode(commit), self.clock, {})
        self.messages.append(stored)
        self._last[subject] = stored
        said = [decode(event) for event in commit.events] if (decode := _decoder_of(subject)) else []
        self._events.setdefault(subject, []).extend(said)
        if subject.startswith("ev.run."):
            self.of_runs += [(subjects.parse_run(subject).run_id, event) for event in said]
        elif subject.startswith("ev.group."):
            self.of_groups.setdefault(subject, []).append(group_change(stored))
        return True

    async def load(self, subject: str, after: int = 0) -> list[Stored]:
        matches = _matcher(subject)
        return [stored for stored in self.messages if matches(stored.subject) and stored.seq > after]

    def run_events(self, run_id: RunId) -> list[RunEvent]:
        return [event for owner, event in self.of_runs if owner == run_id]

    def attempt_events(self, subject: str) -> list[AttemptEvent]:
        return self._events.get(subject, [])


def _decoder_of(subject: str) -> Callable[[msgspec.Raw], Any] | None:
    if subject.startswith("ev.run."):
        return _runs.decode
    return _attempts.decode if subject.startswith("ev.attempt.") else None


class OneScheduler:
    """The service's own parts, without its loop: the test says when it reads, decides and stores."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.index = Index()
        clocks = Clocks(now=lambda: log.clock, monotonic=lambda: 0.0)
        self.reader = Reader(self.index, log, MemoryBlobs(), clocks, {})  # type: ignore[arg-type]
        self.known = NOTHING
        """What it knows of the repository's jobs: another scheduler may know something else."""
        self.rounds = Rounds(self.index, lambda repository: self.known)
        self.under_way: list[tuple[Draft, int] | GroupDraft | str] = []
        """Decisions about runs and groups that are not stored yet, and groups that are being looked up."""

    def read(self, count: int) -> None:
        unread = self.log.messages[self.index.position :]
        for stored in unread[:count]:
            run_id = now_or_never(self.reader.fold(stored))
            tracked = self.index.runs.get(run_id)
            if tracked is not None:
                assert not tracked.broken, tracked.broken
        self.retire()

    def retire(self) -> None:
        """As the service does: what is over leaves memory."""
        for run_id, tracked in list(self.index.runs.items()):
            if tracked.run is not None and tracked.run.over and tracked.idle and run_id not in self.rounds.asked:
                self.index.drop(run_id)

    def decide(self) -> None:
        groups = self.index.groups
        situation = Situation(self.log.clock, self.index.fleet, groups=groups.states, learned=self.known)
        for draft in self.rounds.drafts(list(self.index.runs), situation):
            assert draft.run is not None
            assert decide(draft.run, situation) == []  # who decides twice says nothing new
            draft.tracked.appending, draft.tracked.proposed = True, draft.run
            self.index.count(draft.tracked)
            self.under_way.append((draft, draft.tracked.seq))
        groups.touched.clear()  # all runs are looked at every time
        changes, unknown = groups.decide(self.index.stored_run, self.index.position)
        self.under_way += [*unknown, *changes]
        self.retire()

    def store(self) -> None:
        """The oldest decision that is under way reaches the log, or finds that the log moved on."""
        if not self.under_way:
            return
        first = self.under_way.pop(0)
        if isinstance(first, str):
            found = self.log.last_message(first)
            self.index.groups.loaded(first, found, None if found is None else self.reader.group_state(found))
            return
        if isinstance(first, GroupDraft):
            self._store_group(first)
            return
        draft, expected = first
        tracked = draft.tracked
        content = msgspec.json.encode(draft.events).decode()
        self.log.append(tracked.subject, draft.events, expected, commit_id(tracked.subject, expected, content))
        tracked.appending = False
        tracked.waits_for = self.log.last(tracked.subject)
        if tracked.idle:
            tracked.proposed = None
        self.index.count(tracked)

    def _store_group(self, draft: GroupDraft) -> None:
        subject = draft.tracked.subject
        content = msgspec.json.encode(draft.event).decode()
        self.log.append(subject, [draft.event], draft.expected, commit_id(subject, draft.expected, content))
        self.index.groups.settled(subject, self.log.last(subject))

    def ask(self, what: Any) -> None:
        tracked = now_or_never(self.reader.load(what.run_id))
        if tracked is not None:
            self.rounds.asked.setdefault(what.run_id, []).append(_Silent(what.run_id, what))

    def attempts(self) -> list[tuple[AttemptAddress, int]]:
        """Every attempt on a host, with the place of its last event that was read."""
        found: list[tuple[AttemptAddress, int]] = []
        for tracked in self.index.held():
            for attempt in held(tracked.run, tracked.address.owner, tracked.address.repo):
                found.append((attempt.address, tracked.places.get(tracked.attempt_subject(attempt.address), 0)))
        return found

    def lose(self, address: AttemptAddress, place: int) -> None:
        run = subjects.RunAddress(address.owner, address.repo, address.run_id)
        subject = subjects.attempt(address.host, run, address.job, address.n)
        self.log.append(subject, [AttemptLost("the test said so")], place, commit_id(subject, "lost", place))


class _Silent(Asked):
    """A command whose answer nobody waits for."""

    def __init__(self, run_id: RunId, what: Any) -> None:
        self.run_id, self.what = run_id, what

    def answer(self, word: str) -> None:
        assert word == ""


class OneAgent:
    """Owns what it started; `place` is its idea of the attempt's last event, which may be out of date: a zombie's."""

    def __init__(self, log: Log, id: str, plans: dict[RunId, Plan]) -> None:
        self.log, self.id, self.plans = log, HostId(id), plans
        self.boots = 0
        self.running: dict[str, tuple[int, int]] = {}
        self.join()

    def join(self) -> None:
        self.boots += 1
        self.running.clear()
        boot = BootId(f"{self.id}-{self.boots}")
        joined = HostJoined(self.id, boot, ("ubuntu-latest",), 2, "bubblewrap", b"")
        self.log.append(subjects.host(self.id), [joined], None, commit_id(boot))

    def doors(self) -> list[str]:
        """All that was ever rung here: a doorbell may be late, and may be repeated."""
        found: list[str] = []
        for run_id, plan in self.plans.items():
            address = subjects.RunAddress(plan.repository.owner, plan.repository.name, run_id)
            for event in self.log.run_events(run_id):
                if isinstance(event, JobAssigned) and event.host == self.id:
                    found.append(subjects.attempt(self.id, address, event.job, event.n))
        return found

    def start(self, subject: str) -> None:
        if subject in self.running:
            return
        address = subjects.parse_attempt(subject)
        boot = BootId(f"{self.id}-{self.boots}")
        begun = AttemptStarted(address.run_id, address.job, address.n, self.id, boot, "bubblewrap")
        events = [begun, StepStarted(0, "s")]
        if self.log.append(subject, events, 0, commit_id(subject, "started", boot)):
            self.running[subject] = (self.log.last(subject), 0)

    def refuse(self, subject: str) -> None:
        if subject not in self.running:
            self.log.append(subject, [AttemptRefused("no")], 0, commit_id(subject, "refused"))

    def go_on(self, subject: str, outcome: Result, *, lose_step: bool = False) -> None:
        """One step further; after the last one the end."""
        place, step = self.running[subject]
        address = subjects.parse_attempt(subject)
        planned = planned_job(self.plans[address.run_id], address.job)
        events: list[Any] = [] if lose_step else [StepFinished(step, "s", outcome, outcome)]
        over = step + 1 >= len(planned.steps) or outcome != "success"
        if over:
            rest = range(step + 1, len(planned.steps))
            events += [StepFinished(index, "s", "skip", "skip") for index in rest]
            events.append(AttemptFinished(outcome, {"step": str(step)}))
        else:
            events.append(StepStarted(step + 1, "s"))
        if not self.log.append(subject, events, place, commit_id(subject, "step", step)):
            del self.running[subject]  # fenced
        elif over:
            del self.running[subject]
        else:
            self.running[subject] = (self.log.last(subject), step + 1)


def planned_job(plan: Plan, key: str) -> PlannedJob:
    """Of a job's key in the run, through the calls that led to it."""
    first, *rest = (part for part in key.split("~") if not _MATRIX.fullmatch(part))
    found = {job.id: job for job in plan.jobs}[first]
    for part in rest:
        found = {job.id: job for job in plan.called[found.calls].jobs}[part]
    return found


def planned(log: Log, plan: Plan) -> None:
    subject = subjects.run(plan.repository.owner, plan.repository.name, plan.run_id)
    log.append(subject, [RunPlanned(plan)], 0, commit_id(subject, "planned"))


def pass_time(log: Log, seconds: float) -> None:
    log.clock += timedelta(seconds=seconds)


def _matcher(pattern: str) -> Callable[[str], bool]:
    parts = pattern.split(".")

    def matches(subject: str) -> bool:
        tokens = subject.split(".")
        if parts[-1] == ">":
            tokens, wanted = tokens[: len(parts) - 1], parts[:-1]
        else:
            wanted = parts
        return len(tokens) == len(wanted) and all(w in ("*", t) for w, t in zip(wanted, tokens, strict=True))

    return matches
