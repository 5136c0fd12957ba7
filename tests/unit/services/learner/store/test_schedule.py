"""When a snapshot is due."""

from __future__ import annotations

import pytest

from services.learner.store.schedule import BUSY_SECONDS, COST_FACTOR, IDLE_SECONDS, Snapshots


def test_nothing_new_nothing_due() -> None:
    assert Snapshots().due_in(0) is None


def test_soon_after_the_last_change() -> None:
    assert Snapshots().wrote(10).due_in(10) == pytest.approx(IDLE_SECONDS)
    assert Snapshots().wrote(10).due_in(10 + IDLE_SECONDS) == 0


def test_under_a_steady_stream_within_five_seconds() -> None:
    snapshots = Snapshots()
    for tenth in range(100):
        now = 10 + tenth / 10
        snapshots = snapshots.wrote(now)
        if snapshots.due_in(now) == 0:
            assert now <= 10 + BUSY_SECONDS
            return
    raise AssertionError("never due")


def test_at_the_start_one_is_due_at_once() -> None:
    assert Snapshots.overdue(10).due_in(10) == 0
    assert Snapshots.overdue(10).wrote(10.1).due_in(10.1) == 0


def test_copies_take_a_tenth_of_the_time_at_most() -> None:
    copied = Snapshots().wrote(0).published(began=1, now=3)
    assert copied.due_in(4) is None
    assert copied.wrote(4).due_in(4) == 3 + COST_FACTOR * 2 - 4
