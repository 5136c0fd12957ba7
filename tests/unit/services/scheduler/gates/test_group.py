"""Who holds a concurrency group, who waits, who has to go."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.contracts.group import GroupChanged, Member, Ousted
from libs.contracts.ids import JobKey, RunId
from services.scheduler.gates.group import EMPTY, MAX_OUSTED, MAX_PENDING, Wish, decide_group
from tests.unit.services.scheduler.story import NOON


def member(run: int, job: str = "", run_attempt: int = 1) -> Member:
    return Member(RunId(run), run_attempt, JobKey(job))


def wish(of: Member, *, after: float = 0, cancel: bool = False, queue: str = "single", place: int = 0) -> Wish:
    return Wish(of, "deploy", cancel, queue, (NOON + timedelta(seconds=after), of.run_id, place))


def decided(group: GroupChanged, *wishes: Wish, over: tuple[Member, ...] = ()) -> GroupChanged:
    """The next state; asking again with the same gives nothing new."""
    after = decide_group(group, wishes, lambda member: member in over)
    assert after is not None
    assert decide_group(after, wishes, lambda member: member in over) is None
    return after


def gone(group: GroupChanged) -> list[int]:
    return [ousted.member.run_id for ousted in group.ousted]


@pytest.mark.row("jobs: concurrency of workflows")
def test_the_first_holds_it_and_the_second_waits():
    first = decided(EMPTY, wish(member(1)))
    assert (first.group, first.holder, first.pending) == ("deploy", member(1), ())
    second = decided(first, wish(member(1)), wish(member(2), after=1))
    assert (second.holder, second.pending, second.ousted) == (member(1), (member(2),), ())


@pytest.mark.row("jobs: concurrency of workflows")
def test_who_waits_is_next():
    group = GroupChanged("deploy", member(1), (member(2),))
    assert decided(group, over=(member(1),)).holder == member(2)
    assert decided(group, over=(member(1), member(2))).holder is None


@pytest.mark.row("jobs: concurrency of workflows")
def test_a_newer_one_takes_the_place_of_the_one_that_waits():
    group = GroupChanged("deploy", member(1), (member(2),))
    after = decided(group, wish(member(3)))
    assert (after.holder, after.pending, gone(after)) == (member(1), (member(3),), [2])
    assert after.ousted[0].why == "superseded by run 3 in the concurrency group deploy"


@pytest.mark.row("jobs: concurrency of workflows")
def test_cancel_in_progress_asks_the_holder_to_end_and_waits_for_it():
    group = GroupChanged("deploy", member(1), (member(2),))
    after = decided(group, wish(member(3), cancel=True))
    assert (after.holder, after.pending, sorted(gone(after))) == (member(1), (member(3),), [1, 2])
    over = decided(after, over=(member(1), member(2)))
    assert (over.holder, over.pending, over.ousted) == (member(3), (), ())


@pytest.mark.row("jobs: concurrency queue")
def test_a_hundred_wait_in_the_order_of_asking_and_the_next_one_goes():
    group = GroupChanged("deploy", member(1))
    wishes = [wish(member(n), after=-n, queue="max") for n in range(2, MAX_PENDING + 3)]
    after = decided(group, *wishes)
    assert [each.run_id for each in after.pending] == list(range(MAX_PENDING + 2, 2, -1))
    assert gone(after) == [2]
    assert after.ousted[0].why == "100 wait for the concurrency group deploy already"


def test_who_asked_at_the_same_moment_is_told_apart():
    after = decided(
        EMPTY, wish(member(2), queue="max"), wish(member(1, "b"), queue="max", place=1), wish(member(1, "a"))
    )
    assert (after.holder, after.pending) == (member(1, "a"), (member(1, "b"), member(2)))


def test_who_has_to_go_stays_on_record_until_its_run_says_that_it_went():
    group = GroupChanged("deploy", member(1), (member(3),), (Ousted(member(2), "superseded"),))
    assert decide_group(group, [wish(member(2))], lambda _: False) is None
    assert decided(group, over=(member(2),)).ousted == ()


def test_a_wish_that_is_over_enters_nothing():
    assert decide_group(EMPTY, [wish(member(1))], lambda _: True) is None


def test_a_rerun_is_another_member():
    group = GroupChanged("deploy", member(1))
    after = decided(group, wish(member(1, run_attempt=2)), over=(member(1),))
    assert after.holder == member(1, run_attempt=2)


def test_what_it_says_of_a_change_is_bounded():
    wishes = [wish(member(n), queue="max") for n in range(1, 90)]
    assert len(decided(EMPTY, *wishes).why) < 400


def test_with_many_that_have_to_go_newcomers_wait_so_that_the_state_stays_a_message():
    group = GroupChanged("deploy", member(1), (member(2),))
    wishes = [wish(member(n), after=n) for n in range(3, 3000)]
    after = decided(group, *wishes)
    assert len(after.ousted) == MAX_OUSTED
    later = decided(after, *wishes, over=tuple(gone.member for gone in after.ousted))
    assert len(later.ousted) == MAX_OUSTED
    assert later.pending[0].run_id > after.pending[0].run_id


def test_who_is_caught_in_a_circle_has_to_go():
    group = GroupChanged("deploy", member(1), (member(2), member(3)))
    after = decide_group(group, [], lambda _: False, frozenset({member(2)}))
    assert after is not None
    assert (after.pending, gone(after)) == ((member(3),), [2])
    assert "a deadlock" in after.ousted[0].why
