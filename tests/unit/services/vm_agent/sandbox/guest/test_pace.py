"""The token bucket of frames: bursts pass, a flood is slowed to its rate, a rest is not saved up beyond a burst."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from services.vm_agent.sandbox.guest.pace import Pace


def test_a_burst_passes_and_what_follows_waits() -> None:
    pace = Pace(0.0, per_second=100, burst=200)
    assert [pace.take(0.0, 100) for _ in range(4)] == [0, 0, 1.0, 2.0]


def test_a_guest_within_its_rate_never_waits() -> None:
    pace = Pace(0.0, per_second=100, burst=10)
    assert [pace.take(second / 8, 10) for second in range(1, 100)] == [0] * 99


def test_an_hour_of_silence_earns_no_more_than_a_burst() -> None:
    pace = Pace(0.0, per_second=100, burst=200)
    assert pace.take(3600.0, 300) == 1.0


@given(some.lists(some.tuples(some.floats(0, 1), some.integers(1, 64)), min_size=1, max_size=200))
def test_who_waits_as_told_stays_within_rate_and_burst(turns: list[tuple[float, int]]) -> None:
    pace, now, taken = Pace(0.0, per_second=100, burst=200), 0.0, 0
    for rest, frames in turns:
        now += rest
        now += pace.take(now, frames)
        taken += frames
    assert taken <= 200 + 100 * now + 1
