"""Members of concurrency groups that wait for each other in a circle: one of each circle has to give way.

A run that holds one group and waits, with a job, for another, is waited for in turn by whoever wants the first. No
single group's state shows that, so it is looked for over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from libs.contracts.group import GroupChanged, Member
from libs.contracts.ids import RunId

Inside = Callable[[Member, Member], bool]
"""Whether the second is a part of the first: while it waits, the first is not over."""
Asked = Callable[[Member], tuple[datetime, int, str]]
"""When a member asked, and what tells it from others that asked then."""


def caught(states: Iterable[GroupChanged], inside: Inside, asked: Asked) -> frozenset[Member]:
    """Of each circle the member that asked last."""
    waits_for = {
        member: state.holder
        for state in states
        if state.holder is not None
        for member in state.pending
        if member.job  # a run that waits for its own group holds nothing yet
    }
    of_run: dict[RunId, list[Member]] = {}
    for member in waits_for:
        of_run.setdefault(member.run_id, []).append(member)
    leads_to = {
        member: [other for other in of_run.get(holder.run_id, ()) if inside(holder, other)]
        for member, holder in waits_for.items()
    }
    found: set[Member] = set()
    for member in waits_for:
        circle = _circle(member, leads_to)
        if circle and not found.intersection(circle):
            found.add(max(circle, key=asked))
    return frozenset(found)


def _circle(start: Member, leads_to: Mapping[Member, list[Member]]) -> list[Member]:
    """The members that wait, from this one around to itself; empty where nothing leads back."""
    path: list[Member] = [start]
    reached = {start}
    pending = [iter(leads_to[start])]
    while pending:
        following = next(pending[-1], None)
        if following is None:
            pending.pop()
            path.pop()
        elif following == start:
            return path
        elif following not in reached:
            reached.add(following)
            path.append(following)
            pending.append(iter(leads_to[following]))
    return []
