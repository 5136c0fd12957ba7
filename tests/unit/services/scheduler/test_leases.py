"""Who is lost: silence, a new boot, no beginning, no end. And nobody while nobody was listened to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.contracts.ids import BootId, HostId, JobKey, RunId
from libs.contracts.subjects import AttemptAddress
from services.scheduler.leases import Clock, Held, lost, silent
from services.scheduler.policy import cancel_seconds
from tests.unit.services.scheduler.story import BOOT, NOON, fleet, host

MINE = AttemptAddress(HostId("h1"), "octo", "demo", RunId(7), JobKey("a"), 1)
NOBODY: dict[HostId, float] = {}


def clock(now: float, *, heard: float | None = None, assigned: float = 0, since: float = 0, wall: float = 0) -> Clock:
    heard_by = NOBODY if heard is None else {HostId("h1"): heard}
    return Clock(now, NOON + timedelta(seconds=wall), since, heard_by, {MINE: assigned})


RUNNING = Held(MINE, BOOT, None)
ASSIGNED = Held(MINE, None, None)
STOPPING = Held(MINE, BOOT, NOON)


@pytest.mark.parametrize(
    ("attempt", "at", "why"),
    [
        (RUNNING, clock(29, heard=0), None),
        (RUNNING, clock(30, heard=0), "host h1 was silent for 30 s"),
        (RUNNING, clock(60, heard=31), None),
        (ASSIGNED, clock(9, heard=8), None),
        (ASSIGNED, clock(10, heard=8), "no AttemptStarted from host h1 within 10 s"),
        (ASSIGNED, clock(100, heard=99, assigned=95), None),
        (STOPPING, clock(1, heard=1, wall=cancel_seconds(None) - 1), None),
        (STOPPING, clock(1, heard=1, wall=cancel_seconds(None)), "it did not stop within 330 s after it was told to"),
        # Never heard, and only listened to since a moment ago: a whole lease has to pass first.
        (RUNNING, clock(1000, since=990), None),
        (RUNNING, clock(1000, since=970), "host h1 was silent for 30 s"),
        # Heard long ago, then the scheduler was deaf.
        (RUNNING, clock(1000, heard=10, since=990), None),
        (ASSIGNED, clock(1000, heard=999, assigned=10, since=995), None),
    ],
)
def test_an_attempt_is_lost_when_its_lease_ran_out(attempt: Held, at: Clock, why: str | None):
    found = [each.why for each in lost([attempt], fleet(host("h1")), at)]
    assert found == ([why] if why else [])


def test_another_boot_loses_the_old_ones_attempts_without_waiting():
    hosts = fleet(host("h1"))
    old = Held(MINE, BootId("before"), None)
    assert [each.why for each in lost([old], hosts, clock(1, heard=1))] == ["host h1 came back as another boot"]


def test_a_host_that_left_lost_its_attempts():
    assert [e.why for e in lost([RUNNING], fleet(host("h1", left=True)), clock(1, heard=1))] == ["host h1 left"]


@pytest.mark.parametrize(
    ("at", "is_silent"), [(clock(1), True), (clock(5, heard=1), False), (clock(31, heard=1), True)]
)
def test_a_host_gets_nothing_before_it_was_heard(at: Clock, is_silent: bool):
    assert (HostId("h1") in silent(fleet(host("h1")), at)) is is_silent


def test_a_job_may_have_its_own_time_to_stop():
    own, hosts = Held(MINE, BOOT, NOON, cancel_seconds(60_000)), fleet(host("h1"))
    assert lost([own], hosts, clock(1, heard=1, wall=89)) == []
    (gone,) = lost([own], hosts, clock(1, heard=1, wall=90))
    assert gone.why == "it did not stop within 90 s after it was told to"
