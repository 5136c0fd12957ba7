"""A concurrency group's own life: who holds it, who waits, who has to go. Pure: `decide(state, wishes)`.

Architecture invariant: a holder leaves only when its run's log says that it is over, so that two never run at once,
whoever decides and however late. A run's log knows what was wished; what came of it is in the group's log alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from libs.contracts.group import GroupChanged, Member, Ousted
from libs.contracts.run import QueueKind

MAX_PENDING = 100
"""GitHub lets so many wait with `queue: max`; the next one is cancelled."""
MAX_OUSTED = 500
"""Who has to go stands in the group's state until it went. With so many, newcomers wait: a message may be 1 MiB."""
WHY_CHARACTERS = 300
"""A hundred members may change at once; a sentence about the first of them says what happens."""


class Wish(msgspec.Struct, frozen=True):
    """A member that asked to enter. `order` is when, then its place among those that asked with it."""

    member: Member
    group: str
    cancel_in_progress: bool
    queue: QueueKind
    order: tuple[datetime, int, int]


EMPTY = GroupChanged(group="")
Over = Callable[[Member], bool]
"""Whether the member's run says that it is over."""


def decide_group(
    group: GroupChanged, wishes: Iterable[Wish], over: Over, caught: frozenset[Member] = frozenset()
) -> GroupChanged | None:
    """The group's next state; None where nothing changes. Who leaves comes before who enters. `caught` are those that
    wait in a circle (`circles`).
    """
    room = _Room(group)
    room.leave(over)
    room.free(caught)
    for wish in sorted(wishes, key=lambda wish: wish.order):
        if room.crowded:
            break
        if not room.knows(wish.member) and not over(wish.member):
            room.enter(wish)
    after = room.state()
    return None if _same(after, group) else after


def ousted_why(group: GroupChanged, member: Member) -> str | None:
    """Why the member has to end; None where it has not."""
    return next((ousted.why for ousted in group.ousted if ousted.member == member), None)


class _Room:
    """A group while it is being decided about."""

    def __init__(self, group: GroupChanged) -> None:
        self._name, self._holder = group.group, group.holder
        self._pending, self._ousted = list(group.pending), list(group.ousted)
        self._told: list[str] = []

    def knows(self, member: Member) -> bool:
        return member == self._holder or member in self._pending or any(gone.member == member for gone in self._ousted)

    def leave(self, over: Over) -> None:
        if self._holder is not None and over(self._holder):
            self._told.append(f"{shown(self._holder)} is over")
            self._holder = None
        self._pending = [member for member in self._pending if not over(member)]
        self._ousted = [ousted for ousted in self._ousted if not over(ousted.member)]
        if self._holder is None and self._pending:
            self._hold(self._pending.pop(0))

    @property
    def crowded(self) -> bool:
        return len(self._ousted) >= MAX_OUSTED

    def free(self, caught: frozenset[Member]) -> None:
        for member in [member for member in self._pending if member in caught]:
            self._pending.remove(member)
            self._oust(
                member, f"a deadlock: it waits for the concurrency group {self._name}, whose holder waits for it", None
            )

    def enter(self, wish: Wish) -> None:
        self._name = self._name or wish.group
        if self._holder is None:
            self._hold(wish.member)
        elif wish.queue == "max" and not wish.cancel_in_progress:
            self._wait_in_line(wish)
        else:
            self._replace(wish)

    def state(self) -> GroupChanged:
        why = "; ".join(self._told)
        return GroupChanged(
            group=self._name,
            holder=self._holder,
            pending=tuple(self._pending),
            ousted=tuple(self._ousted),
            why=why if len(why) <= WHY_CHARACTERS else why[:WHY_CHARACTERS] + "...",
        )

    def _hold(self, member: Member) -> None:
        self._holder = member
        self._told.append(f"{shown(member)} holds it")

    def _wait_in_line(self, wish: Wish) -> None:
        if len(self._pending) < MAX_PENDING:
            self._pending.append(wish.member)
            self._told.append(f"{shown(wish.member)} waits")
            return
        self._oust(wish.member, f"{MAX_PENDING} wait for the concurrency group {self._name} already", None)

    def _replace(self, wish: Wish) -> None:
        """The newcomer takes the place of all that wait, and with `cancel-in-progress` the holder has to end."""
        why = f"superseded by {shown(wish.member)} in the concurrency group {self._name}"
        for member in self._pending:
            self._oust(member, why, wish.member)
        self._pending = [wish.member]
        self._told.append(f"{shown(wish.member)} waits")
        holder = self._holder
        going = any(gone.member == holder for gone in self._ousted)
        if wish.cancel_in_progress and holder is not None and not going:
            self._oust(holder, why, wish.member)

    def _oust(self, member: Member, why: str, by: Member | None) -> None:
        self._ousted.append(Ousted(member, why, by))
        self._told.append(f"{shown(member)} has to go")


def shown(member: Member) -> str:
    job = f"job {member.job} of " if member.job else ""
    return f"{job}run {member.run_id}"


def _same(one: GroupChanged, other: GroupChanged) -> bool:
    return (one.holder, one.pending, one.ousted) == (other.holder, other.pending, other.ousted)
