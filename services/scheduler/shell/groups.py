"""The concurrency groups that somebody wants, each as far as its log is known, and the changes that follow. No I/O.

What it does not know is loaded when a run first asks for it, and what nobody wants is forgotten: there are as many
groups as branches ever were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from libs.bus.port import Stored
from libs.contracts.group import GroupChanged, Member
from libs.contracts.ids import RunId
from services.scheduler.gates.circles import caught
from services.scheduler.gates.concurrency import group_subject, is_inside, is_over, wishes_of
from services.scheduler.gates.group import EMPTY, Wish, decide_group
from services.scheduler.run_state import Run

MIN_GROUPS_OF_A_CIRCLE = 2
"""A member in the group of what it is a part of is refused before it asks."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class TrackedGroup:
    """`state` None: it was not looked up yet. `waits_for` as of a run: the place to be read before it is decided."""

    subject: str
    state: GroupChanged | None = None
    seq: int = 0
    waits_for: int = 0
    appending: bool = False
    loading: bool = False


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """A change to be stored, decided when the group's last one was at `expected`. `cause` is a run that it is about."""

    tracked: TrackedGroup
    event: GroupChanged
    expected: int
    cause: RunId | None


RunOf = Callable[[RunId], Run | None]
"""A run as it is stored; None for one that is over."""


class Groups:
    """`states` are for decisions about runs. `touched` collects runs to look at because a group of theirs changed."""

    def __init__(self) -> None:
        self.states: dict[str, GroupChanged] = {}
        self.touched: set[RunId] = set()
        self._known: dict[str, TrackedGroup] = {}
        self._wanted_by: dict[str, set[RunId]] = {}
        self._wanted: dict[RunId, frozenset[str]] = {}
        self._dirty: set[str] = set()

    def note(self, run: Run) -> None:
        """The run changed: the groups that it has to do with are to be looked at."""
        if not run.requests and run.id not in self._wanted:
            return
        subjects = frozenset(group_subject(run, request.group) for request in run.requests.values())
        before = self._wanted.get(run.id, frozenset[str]())
        for subject in before - subjects:
            self._unwanted(subject, run.id)
        for subject in subjects:
            self._wanted_by.setdefault(subject, set()).add(run.id)
        self._wanted[run.id] = subjects
        self._dirty |= before | subjects

    def drop(self, run_id: RunId) -> None:
        """The run is over."""
        for subject in self._wanted.pop(run_id, frozenset[str]()):
            self._unwanted(subject, run_id)
            self._dirty.add(subject)

    def fold(self, stored: Stored, event: GroupChanged | None) -> None:
        """A group's next message; None for one that cannot be read, which changes nothing."""
        tracked = self._known.setdefault(stored.subject, TrackedGroup(stored.subject))
        if stored.seq <= tracked.seq:
            return
        tracked.seq = stored.seq
        if event is not None:
            self._becomes(tracked, event)
        self._dirty.add(stored.subject)
        self._forget(tracked)

    def loaded(self, subject: str, stored: Stored | None, event: GroupChanged | None) -> None:
        """What its log said when it was asked; what was folded since then counts for more."""
        tracked = self._known.setdefault(subject, TrackedGroup(subject))
        tracked.loading = False
        if tracked.state is None:
            tracked.seq = stored.seq if stored is not None else 0
            self._becomes(tracked, event or EMPTY)
        self._dirty.add(subject)

    def settled(self, subject: str, place: int) -> None:
        """An append is over; the subject's last message is at `place`."""
        tracked = self._known[subject]
        tracked.appending = False
        tracked.waits_for = max(tracked.waits_for, place)
        self._dirty.add(subject)

    def look_at_all(self) -> None:
        self._dirty |= self._known.keys() | self._wanted_by.keys()

    def decide(self, run_of: RunOf, position: int) -> tuple[list[GroupDraft], list[str]]:
        """The changes that follow, and the groups to be looked up first."""
        stuck = self._caught(run_of)
        drafts: list[GroupDraft] = []
        unknown: list[str] = []
        for subject in sorted(self._dirty):
            tracked = self._known.setdefault(subject, TrackedGroup(subject))
            if tracked.state is None:
                if not tracked.loading:
                    tracked.loading = True
                    unknown.append(subject)
                continue
            if tracked.appending or position < tracked.seq or tracked.seq < tracked.waits_for:
                continue  # it is looked at again when that is read
            self._dirty.discard(subject)
            draft = self._draft(tracked, tracked.state, run_of, stuck)
            if draft is not None:
                tracked.appending = True
                drafts.append(draft)
            else:
                self._forget(tracked)
        return drafts, unknown

    def _forget(self, tracked: TrackedGroup) -> None:
        """Where nobody is in it and nobody asked to be."""
        state, subject = tracked.state, tracked.subject
        if state is None or state.holder is not None or state.pending or state.ousted:
            return
        if not tracked.appending and not self._wanted_by.get(subject):
            self._dirty.discard(subject)
            del self._known[subject], self.states[subject]

    def _draft(
        self, tracked: TrackedGroup, state: GroupChanged, run_of: RunOf, stuck: frozenset[Member]
    ) -> GroupDraft | None:
        wishes = self._wishes(tracked.subject, run_of)

        def over(member: Member) -> bool:
            return is_over(run_of(member.run_id), member)

        event = decide_group(state, wishes, over, stuck)
        if event is None:
            return None
        about = event.holder or state.holder
        return GroupDraft(tracked, event, tracked.seq, about.run_id if about is not None else None)

    def _caught(self, run_of: RunOf) -> frozenset[Member]:
        """Of circles of waiting one member each; there can be none where no two groups have somebody waiting."""
        busy = [state for state in self.states.values() if state.pending] if self._dirty else []
        if len(busy) < MIN_GROUPS_OF_A_CIRCLE:
            return frozenset()

        def inside(outer: Member, member: Member) -> bool:
            run = run_of(member.run_id)
            return run is not None and is_inside(run, outer, member)

        def asked(member: Member) -> tuple[datetime, int, str]:
            run = run_of(member.run_id)
            request = run.requests.get(member) if run is not None else None
            return (request.at if request is not None else NEVER, member.run_id, member.job)

        return caught(busy, inside, asked)

    def _wishes(self, subject: str, run_of: RunOf) -> list[Wish]:
        runs = [run_of(run_id) for run_id in self._wanted_by.get(subject, ())]
        return [
            wish
            for run in runs
            if run is not None
            for wish in wishes_of(run)
            if group_subject(run, wish.group) == subject
        ]

    def _becomes(self, tracked: TrackedGroup, event: GroupChanged) -> None:
        tracked.state = self.states[tracked.subject] = event
        members = [event.holder, *event.pending, *(gone.member for gone in event.ousted)]
        self.touched.update(member.run_id for member in members if member is not None)
        self.touched |= self._wanted_by.get(tracked.subject, set())

    def _unwanted(self, subject: str, run_id: RunId) -> None:
        wanting = self._wanted_by.get(subject, set())
        wanting.discard(run_id)
        if not wanting:
            self._wanted_by.pop(subject, None)
