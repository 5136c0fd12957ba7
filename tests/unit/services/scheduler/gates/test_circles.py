"""Circles of members that wait for each other."""

from __future__ import annotations

from libs.contracts.group import GroupChanged, Member
from libs.contracts.ids import JobKey, RunId
from services.scheduler.gates.circles import caught
from tests.unit.services.scheduler.story import NOON


def member(run: int, job: str = "") -> Member:
    return Member(RunId(run), 1, JobKey(job))


def found(*states: GroupChanged) -> set[Member]:
    def inside(outer: Member, inner: Member) -> bool:
        return outer.run_id == inner.run_id and not outer.job

    return set(caught(states, inside, lambda each: (NOON, each.run_id, each.job)))


def test_two_runs_that_hold_what_a_job_of_the_other_wants():
    one, two = GroupChanged("a", member(1), (member(2, "x"),)), GroupChanged("b", member(2), (member(1, "x"),))
    assert found(one, two) == {member(2, "x")}


def test_three_in_a_circle_and_one_that_waits_behind_it():
    states = (
        GroupChanged("a", member(1), (member(9, "x"), member(3, "x"))),
        GroupChanged("b", member(2), (member(1, "x"),)),
        GroupChanged("c", member(3), (member(2, "x"),)),
    )
    assert found(*states) == {member(3, "x")}


def test_a_chain_is_no_circle_and_neither_is_a_job_that_holds():
    assert (
        found(GroupChanged("a", member(1), (member(2, "x"),)), GroupChanged("b", member(2), (member(3, "x"),))) == set()
    )
    one, two = (
        GroupChanged("a", member(1, "y"), (member(2, "x"),)),
        GroupChanged("b", member(2, "y"), (member(1, "x"),)),
    )
    assert found(one, two) == set()


def test_two_circles_give_one_each():
    states = (
        GroupChanged("a", member(1), (member(2, "x"),)),
        GroupChanged("b", member(2), (member(1, "x"),)),
        GroupChanged("c", member(3), (member(4, "x"),)),
        GroupChanged("d", member(4), (member(3, "x"),)),
    )
    assert found(*states) == {member(2, "x"), member(4, "x")}
